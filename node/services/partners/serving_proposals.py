"""Serving partners what concerns their proposals. Each partner sees its own alone."""

import asyncio

from node.errors import NotFoundError
from node.services.partners.taking_proposals import TakingProposals
from protocol.errors import MalformedError
from protocol.statement.proposal import PROPOSAL_ID_BYTES


class PartnerProposals:
    """`protocol.api.ProposalApi` for one partner, in the subsets that it may ask."""

    def __init__(self, taking: TakingProposals, partner: str, subsets: frozenset[str]) -> None:
        self._taking = taking
        self._partner = partner
        self._subsets = subsets

    async def propose(self, subset: str, proposal: bytes) -> bytes:
        """The signed receipt of a proposal; raises as `TakingProposals.take`."""
        self._require(subset)
        return await asyncio.to_thread(self._taking.take, self._partner, subset, proposal)

    async def proposal(self, subset: str, proposal_id: str) -> bytes:
        """What became of a proposal; raises as `TakingProposals.state`."""
        self._require(subset)
        found = await asyncio.to_thread(self._taking.state, self._partner, subset, _id(proposal_id))
        return found.to_bytes()

    async def withdraw_proposal(self, subset: str, proposal_id: str) -> bytes:
        """Take back what waits; raises as `TakingProposals.withdraw`."""
        self._require(subset)
        found = await asyncio.to_thread(self._taking.withdraw, self._partner, subset, _id(proposal_id))
        return found.to_bytes()

    def _require(self, subset: str) -> None:
        if subset not in self._subsets:
            raise NotFoundError("this partner has no such subset")


def _id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        raise MalformedError("a proposal's id is not hexadecimal digits") from None
    if len(found) != PROPOSAL_ID_BYTES or found.hex() != text:
        raise MalformedError(
            f"a proposal's id is not {PROPOSAL_ID_BYTES} bytes in lower-case hexadecimal digits"
        )
    return found
