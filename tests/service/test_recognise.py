"""A caller whose key is newer than what is held of it: looked up once, and then believed for its signature alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from keys.key import AuthPrivateKey
from keys.trust.held_trust import HeldTrust, open_held
from node.clock import system_entropy
from node.errors import NodeError, PeerUnreachableError, UnauthenticatedError, VerificationError
from node.remote.auth import Credentials
from node.remote.bootstrap import catch_up
from node.tls import create_identity
from node.trust.others.recognise import Recognising
from node.trust.tuf.repository import ServedTuf
from support.fakes_api import (
    LIST,
    NODE,
    PEER,
    PEER_TLS,
    QUICK,
    START,
    MemoryNode,
    node_on_loopback,
    peer_credential,
    remote_to,
)
from support.federation import Federation
from support.tuf_origin import HOLDERS, SUCCESSORS, TufOrigin, replaced

NEXT_KEY = AuthPrivateKey.from_seed(b"n" * 32)


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with Federation(tmp_path) as made:
        made.peers("fr", "nl")
        yield made


class Renewed:
    """Counts which peers are asked for their trust files."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: NodeError | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self, name: str) -> None:
        self.asked.append(name)
        await self.answers.wait()
        if self.error is not None:
            raise self.error


async def test_a_peer_is_asked_once_a_minute_and_nobody_else_ever(federation: Federation) -> None:
    fr, renewed = federation.agencies[0], Renewed()
    recognising = Recognising(fr.store, fr.clock, renewed)
    assert not await recognising("stranger.example")
    assert await recognising("nl.example")
    assert not await recognising("nl.example")
    federation.advance(seconds=59)
    assert not await recognising("nl.example")
    federation.advance(seconds=1)
    renewed.error = VerificationError("lies")
    assert not await recognising("nl.example")
    assert not await recognising("nl.example")
    assert renewed.asked == ["nl.example"] * 2
    federation.advance(days=-3)
    renewed.error = None
    assert await recognising("nl.example"), "a clock that was ahead locks nobody out"


async def test_a_peer_that_asked_before_it_served_is_tried_again(federation: Federation) -> None:
    fr, renewed = federation.agencies[0], Renewed()
    recognising = Recognising(fr.store, fr.clock, renewed)
    renewed.error = PeerUnreachableError("away")
    assert not await recognising("nl.example")
    renewed.error = None
    assert await recognising("nl.example"), "it serves by now"
    assert not await recognising("nl.example")
    assert renewed.asked == ["nl.example"] * 2


async def test_who_asks_meanwhile_waits_for_what_comes_of_it(federation: Federation) -> None:
    fr, renewed = federation.agencies[0], Renewed()
    recognising = Recognising(fr.store, fr.clock, renewed)
    renewed.answers.clear()
    both = [asyncio.create_task(recognising("nl.example")) for _ in range(2)]
    await asyncio.sleep(0)
    both[0].cancel()  # who hung up takes nothing from the other
    await asyncio.sleep(0)
    renewed.answers.set()
    assert await both[1]
    assert both[0].cancelled()
    assert renewed.asked == ["nl.example"]


async def test_a_peer_with_a_new_key_gets_its_token_at_the_first_try() -> None:
    memory, asked = MemoryNode(), []

    async def recognise(client: str) -> bool:
        asked.append(client)
        credential = peer_credential(NEXT_KEY.public)
        memory.directory.known[client, NEXT_KEY.public.kid] = credential
        return True

    memory.recognise = recognise
    async with (
        node_on_loopback(memory) as node,
        remote_to(
            node.url, credentials=Credentials(PEER, NEXT_KEY), clock=memory.clock, presents=PEER_TLS
        ) as peer,
    ):
        assert await peer.checkpoint(LIST, held=None) is not None
    assert asked == [PEER]


async def test_who_is_recognised_must_still_sign() -> None:
    memory = MemoryNode()

    async def recognise(client: str) -> bool:
        return bool(client)

    memory.recognise = recognise
    async with (
        node_on_loopback(memory) as node,
        remote_to(
            node.url, credentials=Credentials(PEER, NEXT_KEY), clock=memory.clock, presents=PEER_TLS
        ) as peer,
    ):
        with pytest.raises(UnauthenticatedError):
            await peer.checkpoint(LIST, held=None)


async def test_a_node_that_replaced_its_tls_key_is_followed_over_a_connection_nobody_vouches_for() -> None:
    origin, memory = TufOrigin(), MemoryNode()
    held = HeldTrust(roots=(origin.files.get("1.root.json"),))
    origin.rotate([*HOLDERS[:2], *SUCCESSORS[:2]], **replaced(3))
    origin.revise()
    memory.tuf = ServedTuf(origin.files)
    other = create_identity(NODE, now=START)
    async with node_on_loopback(memory, identity=other) as node:
        caught = await catch_up(node.url, held, clock=origin.clock, entropy=system_entropy, limits=QUICK)
    assert caught.spki_sha256 == other.spki_sha256
    assert open_held(caught.followed.reached()).root.version == 2
    assert memory.callers == [], "nothing was sent that says who we are"
