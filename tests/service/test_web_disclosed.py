"""Disclosed look-ups over real HTTPS: answered, and what strangers and wrong requests get."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.errors import ForbiddenError, OverQuotaError, PeerRefusedError
from node.partners.disclosed_lookup import MOST_ABOUT_ONE, PartnerDisclosure
from protocol.limits import MAX_DISCLOSED_BYTES
from protocol.lists.event import BASELINE
from protocol.statement.disclosed_lookup import open_reply
from support.disclosed import disclosed_world, flipped, let_disclose, lookups, picture, query_of
from support.fakes_api import MemoryNode, node_on_loopback
from support.hits import HOSTER, SUBSET, HitWorld
from support.raw_http import raw_access

PATH = f"/subsets/{SUBSET}/disclosed-lookups"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with disclosed_world(tmp_path, "listed") as made:
        yield made


@pytest.fixture
def memory(world: HitWorld) -> MemoryNode:
    """A web server whose disclosed look-ups are the world's."""
    made = MemoryNode()
    made.disclosed = PartnerDisclosure(lookups(world), HOSTER, frozenset({SUBSET}))
    return made


async def test_it_is_answered_until_too_many_are_alike(world: HitWorld, memory: MemoryNode) -> None:
    near = flipped(picture("listed"), range(7))
    query = query_of(near, picture("a garden"))
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        with pytest.raises(ForbiddenError):
            await partner.disclosed_lookup(SUBSET, query.to_bytes())
        let_disclose(world, 40)
        reply = open_reply(await partner.disclosed_lookup(SUBSET, query.to_bytes()), query)
        assert dict(zip(query.values, reply.collections, strict=True)) == {
            near: BASELINE,
            picture("a garden"): 0,
        }
        walk = query_of(*(flipped(near, [100 + bit]) for bit in range(MOST_ABOUT_ONE)))
        with pytest.raises(ForbiddenError):
            await partner.disclosed_lookup(SUBSET, walk.to_bytes())


async def test_the_quota_says_until_when(world: HitWorld, memory: MemoryNode) -> None:
    let_disclose(world, 1)
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        with pytest.raises(OverQuotaError) as caught:
            await partner.disclosed_lookup(SUBSET, query_of(picture("one"), picture("two")).to_bytes())
        assert caught.value.retry_after_seconds > 0
        with pytest.raises(PeerRefusedError) as refused:
            await partner.disclosed_lookup(SUBSET, b"\xa0")
        assert refused.value.status == 400


async def test_neither_peers_nor_other_subsets(memory: MemoryNode) -> None:
    async with node_on_loopback(memory) as node, node.as_peer() as peer, node.as_partner() as partner:
        with pytest.raises(ForbiddenError):
            await peer.disclosed_lookup(SUBSET, b"")
        with pytest.raises(ForbiddenError):
            await partner.disclosed_lookup("other", b"")
        assert node.memory.callers == []


async def test_a_body_has_a_bound(memory: MemoryNode) -> None:
    async with raw_access(memory) as raw:
        token = await raw.partner_token()
        assert (await raw("POST", PATH, token, data=b"x" * MAX_DISCLOSED_BYTES)).status == 400
        reply = await raw("POST", PATH, token, data=b"x" * (MAX_DISCLOSED_BYTES + 1))
        assert (reply.status, reply.problem) == (413, "too-large")
        assert (await raw("GET", PATH, token)).status == 405
        assert (await raw("POST", PATH, data=b"")).status == 401
