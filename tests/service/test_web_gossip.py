"""Gossip over HTTPS: for peers, conditional, and nothing but what was named."""

from hashlib import sha256

import pytest

from node.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from protocol.gossip import Gossip
from support.fakes_api import MemoryNode, node_on_loopback
from support.gossiping import ToldByHand

EVIDENCE = b"evidence"
NAME = sha256(EVIDENCE)


def telling() -> MemoryNode:
    memory = MemoryNode()
    told = Gossip.of([], [], [NAME.digest()]).to_bytes()
    memory.gossip = ToldByHand(told, {NAME.hexdigest(): EVIDENCE})
    return memory


async def test_a_peer_hears_what_is_held_and_gets_what_is_named() -> None:
    async with node_on_loopback(telling()) as node, node.as_peer() as peer:
        told = await peer.gossip(held=None)
        assert told is not None
        assert Gossip.from_bytes(told).evidence == (NAME.digest(),)
        assert await peer.evidence(NAME.hexdigest()) == EVIDENCE
        with pytest.raises(NotFoundError):
            await peer.evidence("0" * 64)


async def test_the_same_again_costs_little() -> None:
    async with node_on_loopback(telling()) as node, node.as_peer() as peer:
        told = await peer.gossip(held=None)
        before = peer.traffic.received
        assert await peer.gossip(held=told) is None
        assert peer.traffic.received - before < 500


async def test_partners_and_strangers_hear_nothing() -> None:
    async with node_on_loopback(telling()) as node, node.as_partner() as partner, node.as_nobody() as nobody:
        for error, caller in ((ForbiddenError, partner), (UnauthenticatedError, nobody)):
            with pytest.raises(error):
                await caller.gossip(held=None)
            with pytest.raises(error):
                await caller.evidence(NAME.hexdigest())
