"""Syncing with peers side by side: what is wrong with one of them is nobody else's matter."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest

from keys.errors import MalformedTrustError
from keys.trust.held_trust import HeldTrust
from keys.trust.node_parts import Endpoint
from node.app.peers.sync import PeerSync, PeerSyncs
from node.audit.log import start_audit
from node.errors import NodeError, PeerUnreachableError
from node.identity import rollback
from node.peers.acknowledge import Acknowledger
from node.peers.sync.reports import SyncReport
from node.peers.sync.sync import Syncer
from node.store.store import Store
from support.cheap_node import NODE, CheapNode, empty_store
from support.fakes_api import IDENTITY
from support.federation import FoundedNode, remember
from support.hostile import hostile, reply, says, silent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with empty_store(tmp_path) as made:
        start_audit(made, NODE)
        yield made


def add_peer(store: Store, node: CheapNode, name: str, url: str) -> None:
    """A peer that is said to be at `url`."""
    peer = FoundedNode(name, "NL", node.clock)
    peer.revise(lambda old: replace(old, endpoints=(Endpoint(url, (IDENTITY.spki_sha256,)),)))
    remember(store, peer, url)


def damage(store: Store, name: str) -> None:
    """Lose what is held of a peer, but for its first root."""
    with store.write() as unit:
        peer = unit.peers.get(name)
        unit.peers.update_trust(name, HeldTrust(roots=peer.trust.roots), serial=peer.serial)


async def test_a_peer_that_never_ends_and_one_whose_files_are_damaged_stop_nobody(
    node: CheapNode, store: Store
) -> None:
    answered = asyncio.Event()

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        await says(reply(b"no trust file"))(head, writer)
        answered.set()

    async with hostile(silent(60, after=answered)) as endless, hostile(answer) as asked:
        for name, url in (("a.example", endless.url), ("b.example", endless.url), ("c.example", asked.url)):
            add_peer(store, node, name, url + "/")
        damage(store, "b.example")
        done = await PeerSyncs(node.identity(), store, seconds=60).run()
        told = await PeerSyncs(node.identity(), store, seconds=60).acknowledge()
    failures = {each.report.peer: each.failure for each in done}
    assert isinstance(failures["a.example"], PeerUnreachableError)
    assert "not finished in time" in str(failures["a.example"])
    assert isinstance(failures["b.example"], MalformedTrustError)
    assert asked.requests, "the last of them was asked"
    assert told == {}, "nothing is held that could be acknowledged"
    with store.read() as unit:
        outcomes = {peer.name: peer.outcome for peer in unit.peers.ls()}
    assert outcomes == {name: str(failure) for name, failure in failures.items()}


async def test_a_page_waits_for_a_peer_as_long_as_it_says(node: CheapNode, store: Store) -> None:
    async with hostile(silent()) as endless:
        add_peer(store, node, "a.example", endless.url + "/")
        done = await PeerSyncs(node.identity(), store).run_for("a.example", seconds=0.5)
    assert "not finished in time" in str(done.failure)
    with store.read() as unit:
        assert unit.peers.get("a.example").outcome == str(done.failure)


async def test_a_page_ends_no_other_sync(node: CheapNode, store: Store) -> None:
    async with hostile(silent()) as endless:
        for name in ("a.example", "b.example"):
            add_peer(store, node, name, endless.url + "/")
        syncs = PeerSyncs(node.identity(), store)
        other = asyncio.create_task(syncs.run(only="a.example"))
        await asyncio.sleep(0.2)
        done = await syncs.run_for("b.example", seconds=0.2)
        assert (done.report.peer, other.done()) == ("b.example", False)
        await syncs.stop()
        await asyncio.gather(other, return_exceptions=True)


async def test_a_sync_that_ends_as_its_time_does_has_ended(
    node: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = SyncReport(peer="a.example")

    async def late(*_: object) -> PeerSync:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return PeerSync(report=over, sent=0, received=0)

    add_peer(store, node, "a.example", "https://127.0.0.1:1/")
    monkeypatch.setattr(PeerSyncs, "_sync_caught_up", late)
    done = await PeerSyncs(node.identity(), store).run_for("a.example", seconds=0.1)
    assert done.report is over


@pytest.mark.threat("endless bytes")
async def test_nobody_waits_for_a_slow_peer(
    node: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on beside the next rounds, and is told of when it is done."""
    monkeypatch.setattr(rollback, "PATIENCE_SECONDS", 0.2)
    begun, work, over = list[str](), Syncer.sync, asyncio.Event()

    async def noted(syncer: Syncer, name: str, *given: Any) -> SyncReport:
        begun.append(name)
        return await work(syncer, name, *given)

    async def ended(syncs: PeerSyncs) -> list[str]:
        """Who is done first, as a node sees that runs again and again."""
        while not (done := await syncs.run(wait=0.1)):
            pass
        return [each.report.peer for each in done]

    monkeypatch.setattr(Syncer, "sync", noted)
    async with (
        asyncio.timeout(300),
        hostile(silent(60, after=over)) as endless,
        hostile(says(reply(b"no trust file"))) as asked,
    ):
        for name, url in (("a.example", endless.url), ("c.example", asked.url)):
            add_peer(store, node, name, url + "/")
        with suppress(NodeError):  # as a node asks at its start
            await asyncio.to_thread(rollback.require_current, node.identity(), store)
        syncs = PeerSyncs(node.identity(), store, seconds=60)
        assert [await ended(syncs), await ended(syncs)] == [["c.example"], ["c.example"]]
        assert sorted(begun) == ["a.example", "c.example", "c.example"], (
            "one of the slow peer for both rounds"
        )
        await syncs.stop()
        over.set()
        last = await PeerSyncs(node.identity(), store, seconds=60).run()
    assert [done.report.peer for done in last] == ["a.example", "c.example"]
    assert begun.count("a.example") == 2


async def test_a_folder_that_takes_nothing_of_one_peer_ends_no_other(
    node: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where the own database is what failed, that is what is told, of each."""
    work = Syncer.sync

    async def full(syncer: Syncer, name: str, *given: Any) -> SyncReport:
        if name == "a.example":
            raise OSError(ENOSPC, "No space left on device")
        return await work(syncer, name, *given)

    def no_room(*_: object) -> bool:
        raise OSError(ENOSPC, "No space left on device")

    async with hostile(says(reply(b"no trust file"))) as asked:
        for name in ("a.example", "b.example"):
            add_peer(store, node, name, asked.url + "/")
        monkeypatch.setattr(Syncer, "sync", full)
        done = await PeerSyncs(node.identity(), store, seconds=60).run()
        monkeypatch.setattr(Acknowledger, "due", no_room)
        told = await PeerSyncs(node.identity(), store, seconds=60).acknowledge()
    failures = {each.report.peer: str(each.failure) for each in done}
    assert sorted(failures) == ["a.example", "b.example"]
    assert "no room is left on its disk" in failures["a.example"]
    assert asked.requests, "the other was asked"
    with store.read() as unit:
        assert {peer.name: peer.outcome for peer in unit.peers.ls()} == failures
    assert all("no room" in str(failure) for failure in told.values())
    assert sorted(told) == ["a.example", "b.example"]
