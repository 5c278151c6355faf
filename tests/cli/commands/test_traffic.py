"""What following a peer costs over HTTPS, in bytes above TLS; docs/reference/benchmarks.md states the same figures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from node.app.peers.sync import PeerSyncs
from node.home import Home
from node.identity.identity import open_identity
from node.identity.peer import reach_peer
from node.remote.node import RemoteNode
from node.rotation.store import write_store
from support.agencies import LIST, Federation, written

PEER = "nl.example"


@dataclass
class Follower:
    """The French node as it runs: it remembers when it fetched the trust files, and keeps its connection open."""

    syncs: PeerSyncs
    link: RemoteNode

    async def poll(self) -> tuple[str, int, int]:
        """Ask for everything new: what came of it, and the bytes received and sent."""
        traffic = self.link.traffic
        received, sent = traffic.received, traffic.sent
        report = await self.syncs.run_over(PEER, self.link)
        return report.words, traffic.received - received, traffic.sent - sent


@asynccontextmanager
async def following(federation: Federation) -> AsyncIterator[Follower]:
    """The French node, which holds all there is and has an access token."""
    identity = open_identity(Home(federation.fr.home))
    with write_store(identity) as store:
        with store.read() as unit:
            peer = unit.peers.get(PEER)
        async with reach_peer(identity, peer) as link:
            follower = Follower(PeerSyncs(identity, store), link)
            await follower.poll()
            yield follower


def list_one(federation: Federation, folder: Path) -> None:
    """The Netherlands list one hash more."""
    table = f"sha256,collection\n{sha256(str(folder).encode()).hexdigest()},baseline\n"
    path = written(folder / "one.csv", table)
    federation.nl.done("entry", "import", path, "--list", LIST, "--basis", "own")
    federation.nl.done("publish")


async def test_a_poll_that_finds_nothing_new_costs_less_than_a_kilobyte(federation: Federation) -> None:
    async with following(federation) as follower:
        words, received, sent = await follower.poll()
    assert words.endswith("events, nothing new")
    assert received <= 200
    assert received + sent <= 1000


async def test_a_new_event_costs_little(federation: Federation, tmp_path: Path) -> None:
    async with following(federation) as follower:
        list_one(federation, tmp_path)
        words, received, sent = await follower.poll()
    assert "1 added" in words
    assert received <= 2000
    assert sent <= 3500  # six requests, each with a token that names the certificate it is bound to


async def test_with_a_new_connection_and_token_and_gossip(federation: Federation) -> None:
    """As a node does it every ten minutes: by then the last token has ended."""
    identity = open_identity(Home(federation.fr.home))
    with write_store(identity) as store:
        syncs = PeerSyncs(identity, store)
        await syncs.run(only=PEER)
        [idle] = await syncs.run(only=PEER)
    assert idle.received <= 1200
    assert idle.sent <= 2200
