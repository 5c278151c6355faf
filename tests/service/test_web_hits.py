"""Hits over real HTTPS: reports, evidence and cases, and what strangers and wrong requests get."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.access.quotas import Quotas
from node.errors import ForbiddenError, NotFoundError, OverQuotaError, PeerRefusedError
from protocol.hit_evidence.verify import verify_hit
from protocol.limits import MAX_DISPUTE_BYTES, MAX_HIT_REPORT_BYTES, MAX_RESOLUTION_BYTES
from protocol.statement.case import CaseState, PartnerDispute
from protocol.statement.receipt import open_receipt
from protocol.statement.report import authenticate
from protocol.statement.resolution import Action, Resolution, open_resolution
from support.fakes_api import MemoryNode, node_on_loopback
from support.hits import HOSTER, SUBSET, HitWorld, hit_world, named, report_of
from support.raw_http import raw_access


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, listed=["a file"]) as made:
        yield made


@pytest.fixture
def memory(world: HitWorld) -> MemoryNode:
    """A web server whose hits are the world's."""
    made = MemoryNode()
    made.hits = world.hits()
    return made


async def test_a_report_its_evidence_and_its_case(world: HitWorld, memory: MemoryNode) -> None:
    sent = await world.evaluated("a file")
    report_id = sent.report.report_id
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        receipt = await partner.report_hit(SUBSET, sent.to_bytes())
        assert open_receipt(receipt, sent.report, world.statement_keys).partner == HOSTER
        assert await partner.report_hit(SUBSET, sent.to_bytes()) == receipt
        found = verify_hit(await partner.hit_evidence(SUBSET, report_id.hex()), world.fr.founded.root_sha256)
        assert found.digest == named("a file")
        dispute = PartnerDispute(report_id=report_id, reason="our logo", contact="")
        opened = CaseState.from_bytes(await partner.open_case(SUBSET, dispute.to_bytes()))
        assert CaseState.from_bytes(await partner.case(SUBSET, report_id.hex())) == opened
        with pytest.raises(PeerRefusedError) as caught:
            await partner.open_case(SUBSET, replace(dispute, reason="other words").to_bytes())
        assert caught.value.status == 409


async def test_a_resolution_has_a_receipt(world: HitWorld, memory: MemoryNode) -> None:
    sent = await world.evaluated("a file")
    said = Resolution(report_id=sent.report.report_id, action=Action.REMOVED, done_ms=9)
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        with pytest.raises(NotFoundError):
            await partner.resolve_hit(SUBSET, said.to_bytes())
        await partner.report_hit(SUBSET, sent.to_bytes())
        data = await partner.resolve_hit(SUBSET, said.to_bytes())
        receipt = open_resolution(data, partner=HOSTER, resolution=said, keys=world.statement_keys)
        assert receipt.node == "fr.example"
        with pytest.raises(PeerRefusedError) as caught:
            await partner.resolve_hit(SUBSET, replace(said, action=Action.DISABLED).to_bytes())
        assert caught.value.status == 409


async def test_a_guess_is_unprocessable_and_ends_with_the_quota(world: HitWorld, memory: MemoryNode) -> None:
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        guess = authenticate(report_of("a file"), os.urandom(64)).to_bytes()
        with pytest.raises(PeerRefusedError) as caught:
            await partner.report_hit(SUBSET, guess)
        assert caught.value.status == 422
        Quotas(world.fr.store).spend(HOSTER, world.quota_left(), now=world.fr.clock.now())
        with pytest.raises(OverQuotaError):
            await partner.report_hit(SUBSET, guess)
        with pytest.raises(NotFoundError):
            await partner.hit_evidence(SUBSET, os.urandom(16).hex())


async def test_neither_peers_nor_other_subsets(memory: MemoryNode) -> None:
    async with node_on_loopback(memory) as node, node.as_peer() as peer, node.as_partner() as partner:
        with pytest.raises(ForbiddenError):
            await peer.report_hit(SUBSET, b"")
        with pytest.raises(ForbiddenError):
            await partner.report_hit("other", b"")
        with pytest.raises(ForbiddenError):
            await peer.resolve_hit(SUBSET, b"")
        assert node.memory.callers == []


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/subsets/baseline/hits", MAX_HIT_REPORT_BYTES),
        ("/subsets/baseline/cases", MAX_DISPUTE_BYTES),
        ("/subsets/baseline/resolutions", MAX_RESOLUTION_BYTES),
    ],
)
async def test_a_body_has_a_bound(memory: MemoryNode, path: str, most: int) -> None:
    async with raw_access(memory) as raw:
        token = await raw.partner_token()
        assert (await raw("POST", path, token, data=b"x" * most)).status == 400
        reply = await raw("POST", path, token, data=b"x" * (most + 1))
        assert (reply.status, reply.problem) == (413, "too-large")
        assert (await raw("POST", path, token, data=b"x" * 300_000)).status == 413


async def test_an_id_has_one_spelling(memory: MemoryNode) -> None:
    async with raw_access(memory) as raw:
        token = await raw.partner_token()
        for text, status in (("ab", 400), ("ab" * 17, 400), ("AB" * 16, 404), ("zz", 404)):
            assert (await raw("GET", f"/subsets/baseline/cases/{text}", token)).status == status
            assert (await raw("GET", f"/subsets/baseline/hits/{text}/evidence", token)).status == status
