"""An assertion is good once for all workers of a node: two processes on one store, on both databases."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from support.spending import IDS, spend_all
from support.stores import make_store

pytestmark = pytest.mark.both_databases


def test_of_two_processes_one_accepts_an_assertion(dsn: str, tmp_path: Path) -> None:
    make_store(dsn, tmp_path).dispose()
    spawn = get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(2, mp_context=spawn) as pool:
        together = manager.Barrier(2)
        one, other = [pool.submit(spend_all, dsn, together) for _ in range(2)]
        accepted = one.result(60) + other.result(60)
    assert sorted(accepted) == sorted(IDS)
