"""Proposals over real HTTPS: sent, asked about, taken back, and what strangers and wrong requests get."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.errors import ForbiddenError, NotFoundError, PeerRefusedError, RateLimitedError
from node.partners.proposals import intake
from protocol.limits import MAX_PROPOSAL_BYTES
from protocol.statement.proposal_receipt import open_proposal_receipt
from protocol.statement.proposal_state import FileOutcome, FileState, ProposalState
from support.fakes_api import MemoryNode, node_on_loopback
from support.hits import OTHER, SUBSET, HitWorld, hit_world
from support.proposed import proposal_of, proposals_of
from support.raw_http import raw_access


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path) as made:
        yield made


@pytest.fixture
def memory(world: HitWorld) -> MemoryNode:
    """A web server whose proposals are the world's."""
    made = MemoryNode()
    made.proposals = proposals_of(world)
    return made


async def test_a_proposal_its_state_and_taking_it_back(world: HitWorld, memory: MemoryNode) -> None:
    proposal = proposal_of("new", "newer")
    identity = proposal.proposal_id.hex()
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        receipt = await partner.propose(SUBSET, proposal.to_bytes())
        assert open_proposal_receipt(receipt, proposal, world.statement_keys).files == 2
        assert await partner.propose(SUBSET, proposal.to_bytes()) == receipt
        state = ProposalState.from_bytes(await partner.proposal(SUBSET, identity))
        assert state.files == (FileOutcome(FileState.WAITING),) * 2
        for _ in range(2):
            data = await partner.withdraw_proposal(SUBSET, identity)
            assert ProposalState.from_bytes(data).files == (FileOutcome(FileState.WITHDRAWN),) * 2


async def test_what_is_refused_and_how(
    world: HitWorld, memory: MemoryNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    del world
    proposal = proposal_of("new")
    async with node_on_loopback(memory) as node, node.as_partner() as partner:
        await partner.propose(SUBSET, proposal.to_bytes())
        for body, status in (
            (replace(proposal, reason="other words"), 409),
            (replace(proposal_of("new"), partner=OTHER), 422),
            (replace(proposal_of("new"), subset_id=os.urandom(16)), 400),
        ):
            with pytest.raises(PeerRefusedError) as caught:
                await partner.propose(SUBSET, body.to_bytes())
            assert caught.value.status == status
        with pytest.raises(NotFoundError):
            await partner.proposal(SUBSET, os.urandom(16).hex())
        monkeypatch.setattr(intake, "MOST_PROPOSALS_A_DAY", 1)
        with pytest.raises(RateLimitedError):
            await partner.propose(SUBSET, proposal_of("newer").to_bytes())


async def test_neither_peers_nor_other_subsets(memory: MemoryNode) -> None:
    async with node_on_loopback(memory) as node, node.as_peer() as peer, node.as_partner() as partner:
        with pytest.raises(ForbiddenError):
            await peer.propose(SUBSET, b"")
        with pytest.raises(ForbiddenError):
            await partner.propose("other", b"")
        assert node.memory.callers == []


async def test_a_body_has_a_bound(memory: MemoryNode) -> None:
    async with raw_access(memory) as raw:
        token = await raw.partner_token()
        path = "/subsets/baseline/proposals"
        assert (await raw("POST", path, token, data=b"x" * MAX_PROPOSAL_BYTES)).status == 400
        reply = await raw("POST", path, token, data=b"x" * (MAX_PROPOSAL_BYTES + 1))
        assert (reply.status, reply.problem) == (413, "too-large")
        withdrawal = f"{path}/{'ab' * 16}/withdrawal"
        assert (await raw("POST", withdrawal, token, data=b"x")).status == 413
        assert (await raw("POST", withdrawal, token)).status == 404
        assert (await raw("GET", withdrawal, token)).status == 405
