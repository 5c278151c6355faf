"""Serving partners what concerns their proposals. Each partner sees its own alone."""

import asyncio

from node.partners.parameters import require_subset, spelled_id
from node.partners.proposals.intake import TakingProposals
from protocol.statement.proposal import PROPOSAL_ID_BYTES


class PartnerProposals:
    """`protocol.api.ProposalApi` for one partner, in the subsets that it may ask."""

    def __init__(self, taking: TakingProposals, partner: str, subsets: frozenset[str]) -> None:
        self._taking = taking
        self._partner = partner
        self._subsets = subsets

    async def propose(self, subset: str, proposal: bytes) -> bytes:
        """The signed receipt of a proposal; raises as `TakingProposals.take`."""
        require_subset(subset, self._subsets)
        return await asyncio.to_thread(self._taking.take, self._partner, subset, proposal)

    async def proposal(self, subset: str, proposal_id: str) -> bytes:
        """What became of a proposal; raises as `TakingProposals.state`."""
        require_subset(subset, self._subsets)
        found = await asyncio.to_thread(self._taking.state, self._partner, subset, _id(proposal_id))
        return found.to_bytes()

    async def withdraw_proposal(self, subset: str, proposal_id: str) -> bytes:
        """Take back what waits; raises as `TakingProposals.withdraw`."""
        require_subset(subset, self._subsets)
        found = await asyncio.to_thread(self._taking.withdraw, self._partner, subset, _id(proposal_id))
        return found.to_bytes()


def _id(text: str) -> bytes:
    return spelled_id(text, size=PROPOSAL_ID_BYTES, of="a proposal")
