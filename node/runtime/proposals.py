"""Proposals at an opened node: what its server takes of partners, and for how long it is kept."""

from datetime import timedelta
from typing import Final

from node.clock import milliseconds
from node.runtime.auditing import tell
from node.runtime.hits import statement_key
from node.runtime.opening import Identity
from node.services.partners.taking_proposals import TakingProposals
from node.services.storage.shelf import Shelf

ACTION: Final = "proposal.forget"


def taking_proposals(identity: Identity, shelf: Shelf) -> TakingProposals:
    """What takes the proposals of this node's partners."""
    return TakingProposals(
        shelf,
        identity.clock,
        node=identity.settings.node,
        signer=statement_key(identity),
        enabled=identity.settings.proposals.enabled,
    )


def forget_closed(identity: Identity, shelf: Shelf) -> int:
    """Delete proposals that were decided long enough ago; returns how many, which the audit log gets as well."""
    days = identity.settings.retention.proposal_days
    if not days:
        return 0
    before_ms = milliseconds(identity.clock.now() - timedelta(days=days))
    with shelf.storage.write() as unit:
        count = unit.proposals.forget(closed_before_ms=before_ms)
    if count:
        shelf.storage.scrub()
        tell(identity, shelf, ACTION, details={"proposals": str(count), "days": str(days)})
    return count
