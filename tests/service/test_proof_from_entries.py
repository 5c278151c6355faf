"""The proof that a head of a peer continues another, made of the entries of a log that serves no tiles."""

import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, cast

import pytest

from node.errors import NotFoundError
from node.objects.logfiles import LogFiles
from node.peers.sync.requirements import fetch_proof
from protocol.api import LogApi
from protocol.errors import MalformedError
from protocol.limits import EVENT_BYTES
from protocol.tlog.tiles import encode_bundle
from support.federation import Agency, Federation

HELD: Final = 301
SIZE: Final = 1100


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[Federation]:
    """nl holds a part of the list of fr."""
    with Federation(tmp_path) as made:
        fr, nl = made.peers("fr", "nl")
        fr.publish(*(f"file {number}" for number in range(HELD)))
        assert (await made.sync(nl, fr)).succeeded
        yield made


@pytest.fixture
def fr(federation: Federation) -> Agency:
    return federation.agencies[0]


@pytest.fixture
def nl(federation: Federation) -> Agency:
    return federation.agencies[1]


class Tileless:
    """A log that serves entries alone."""

    def __init__(self, entries: Callable[..., Awaitable[bytes]]) -> None:
        self.entries = entries

    async def tile(self, *_: object, **__: object) -> bytes:
        raise NotFoundError("no tiles")


def blank(length: int) -> LogApi:
    """A log without end, whose entries are zeros of some length."""

    async def entries(*_: object, width: int, **__: object) -> bytes:
        return encode_bundle([bytes(length)] * width)

    return cast("LogApi", Tileless(entries))


@pytest.mark.parametrize("size", [HELD - 100, HELD, HELD + 1, 512, 513, SIZE])
async def test_it_is_the_proof_that_the_tiles_of_the_log_give(
    federation: Federation, fr: Agency, nl: Agency, size: int
) -> None:
    """Whether this node holds more than the head, all of it or a part, and wherever in it the cosigned one ends."""
    fr.publish(*(f"file {number}" for number in range(HELD, SIZE)))
    link, files = federation.link(nl, fr), LogFiles(fr.objects, fr.store.vault, fr.origin)
    tree = files.tree(size=SIZE, leaves=size)
    for old in (1, 100, 200, 256, HELD, 400, 512, 700, 1024):
        proof = await fetch_proof(
            nl.store, cast("LogApi", Tileless(link.entries)), fr.origin, old=old, size=size
        )
        assert list(proof) == (tree.consistency_proof(old) if old < size else [])


@pytest.mark.threat("endless bytes")
async def test_a_head_of_any_size_takes_no_more_memory(fr: Agency, nl: Agency) -> None:
    tracemalloc.start()
    try:
        await fetch_proof(nl.store, blank(EVENT_BYTES), fr.origin, old=HELD, size=2**17)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**20, "eight bytes an event"


@pytest.mark.threat("a medium lost or altered")
@pytest.mark.parametrize("length", [0, EVENT_BYTES - 1, 2 * EVENT_BYTES])
async def test_a_proof_is_not_made_of_entries_of_another_length(fr: Agency, nl: Agency, length: int) -> None:
    with pytest.raises(MalformedError):
        await fetch_proof(nl.store, blank(length), fr.origin, old=HELD, size=HELD + 300)
