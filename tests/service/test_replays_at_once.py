"""An assertion is good once for all workers of a node: two processes on one store, on both databases."""

from pathlib import Path

import pytest

from support.preloaded import barrier, start_in_fork, wait_for_forked
from support.spending import IDS, spend_all
from support.stores import make_store

pytestmark = pytest.mark.both_databases


def test_of_two_processes_one_accepts_an_assertion(dsn: str, tmp_path: Path) -> None:
    make_store(dsn, tmp_path).dispose()
    together, files = barrier(2), [tmp_path / name for name in ("one", "other")]
    processes = [start_in_fork(spend_all, dsn, together, file) for file in files]
    assert [wait_for_forked(process, 60) for process in processes] == [0, 0]
    accepted = [jti for file in files for jti in file.read_text().splitlines()]
    assert sorted(accepted) == sorted(IDS)
