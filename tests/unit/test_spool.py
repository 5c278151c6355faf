"""Where a long body arrives: in a file without a name, gone with it, and a disk that is full is told as that."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.errors import StoreDownError
from node.remote.spool import Spool

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
