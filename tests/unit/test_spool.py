"""What is kept in files without names, gone with them: a disk that fails is told as that, and nothing else is."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from node.clock import system_entropy
from node.errors import StoreDownError, StoreError
from node.remote.spool import Spool
from node.store import spool as pages

LIMIT = 64 * 1024


@pytest.fixture
def _small_files() -> Iterator[None]:
    """No file may grow beyond `LIMIT`, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_arrived_is_there_behind_its_end_and_leaves_no_file(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        assert (len(spool), spool.octets()) == (0, b"")
        spool.extend(b"from another place")
        spool.clear()
        spool.extend(b"what ")
        spool.extend(b"arrived")
        assert len(spool) == 12
        octets = spool.octets()
    assert octets == b"what arrived"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_small_files")
@pytest.mark.parametrize("piece", [1024, 2 * LIMIT], ids=["in pieces", "at once"])
def test_a_full_disk_is_not_the_other_nodes_fault(tmp_path: Path, piece: int) -> None:
    with Spool(tmp_path) as spool, pytest.raises(StoreDownError, match="cannot be written"):
        _fill(spool, piece)


def _fill(spool: Spool, piece: int) -> None:
    for _ in range(2 * LIMIT // piece):
        spool.extend(bytes(piece))
    spool.octets()


@pytest.mark.usefixtures("_small_files")
def test_many_pieces_on_a_full_disk_are_not_their_makers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_IN_MEMORY", 1)
    with pytest.raises(StoreDownError, match="the folder for temporary files cannot be written"):
        pages.written_down(bytes(1024) for _ in range(2 * LIMIT // 1024))


def test_what_the_maker_of_many_pieces_fails_at_is_not_the_disks_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a piece"
        yield b"another"
        raise BrokenPipeError

    monkeypatch.setattr(pages, "_IN_MEMORY", 1)
    with pytest.raises(BrokenPipeError):
        pages.written_down(pieces())


def test_a_page_that_the_disk_does_not_give_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_IN_MEMORY", 1)
    with pages.Spool(system_entropy) as spool:
        place = spool.put(b"a page")
        assert spool.get(place) == b"a page"
        broken = os.open("/proc/self/mem", os.O_RDONLY)  # whose beginning cannot be read: EIO
        os.dup2(broken, spool._file.fileno())
        os.close(broken)
        with pytest.raises(
            StoreError, match="the folder for temporary files cannot be read: Input/output error"
        ):
            spool.get(place)


def test_of_a_part_with_too_many_rows_few_are_held() -> None:
    held: list[int] = []

    def fewer(rows: NDArray[Any]) -> NDArray[Any]:
        held.append(len(rows))
        return np.unique(rows)

    with pages.Spool(system_entropy) as spool:
        parts = pages.Parts(spool, 1)
        for _ in range(40):
            parts.put(0, np.arange(2**13, dtype="<u8").tobytes())
        rows = parts.few_rows(0, np.dtype("<u8"), most=2**14, fewer=fewer)
    assert sorted({*rows.tolist()}) == [*range(2**13)]
    assert len(held) > 1
    assert max([*held, len(rows)]) <= 2**15 + 2**13
