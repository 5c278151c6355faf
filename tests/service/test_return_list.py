"""Lists given back: to the agency that wrote them, and to nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from node.errors import NotFoundError
from node.peers.return_list import HeldLists
from protocol.limits import EVENT_BYTES
from protocol.pull.bundles import read_events, read_openings
from support.federation import Federation


async def test_an_owner_gets_what_is_held_of_its_list_and_nobody_else_does(tmp_path: Path) -> None:
    federation = Federation(tmp_path)
    fr, nl = federation.peers("fr", "nl")
    nl.publish("a file", "another")
    await federation.settle()
    owned = HeldLists(fr.store, "nl.example")
    assert await owned.checkpoint(nl.origin) == nl.log().note
    assert len(read_events(await owned.entries(nl.origin, index=0, width=2), 2)) == 2 * EVENT_BYTES
    assert all(read_openings(await owned.openings(nl.origin, index=0, width=2), 2))
    asked = [
        HeldLists(fr.store, "be.example").checkpoint(nl.origin),
        HeldLists(fr.store, "be.example").entries(nl.origin, index=0, width=2),
        HeldLists(fr.store, "be.example").openings(nl.origin, index=0, width=2),
        HeldLists(nl.store, "nl.example").checkpoint(nl.origin),
        HeldLists(fr.store, "fr.example").openings(fr.origin, index=0, width=1),
        owned.checkpoint("nl.example/lists/other"),
        owned.entries(nl.origin, index=0, width=3),
        owned.openings(nl.origin, index=0, width=3),
        owned.openings(nl.origin, index=2**41, width=1),
    ]
    for one in asked:
        with pytest.raises(NotFoundError):
            await one


@pytest.mark.parametrize("read", [HeldLists.entries, HeldLists.openings])
async def test_a_sync_that_outgrows_what_is_read_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[..., Awaitable[bytes]]
) -> None:
    federation = Federation(tmp_path)
    fr, nl = federation.peers("fr", "nl")
    nl.publish("a file")
    await federation.settle()
    get = fr.store.objects.get

    def overtaken(name: str) -> bytes:
        monkeypatch.undo()
        nl.publish("another")
        asyncio.run(federation.settle())
        return get(name)

    monkeypatch.setattr(fr.store.objects, "get", overtaken)
    assert await read(HeldLists(fr.store, "nl.example"), nl.origin, index=0, width=1)
