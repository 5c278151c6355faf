"""Proposals at an opened node: what its server takes of partners."""

from functools import partial

from node.app.partners.hits import statement_key
from node.identity.identity import Identity
from node.partners.proposals.intake import TakingProposals
from node.store.store import Store


def taking_proposals(identity: Identity, store: Store) -> TakingProposals:
    """What takes the proposals of this node's partners."""
    return TakingProposals(
        store,
        identity.clock,
        node=identity.settings.node,
        signer=partial(statement_key, identity),
        enabled=identity.settings.proposals.enabled,
    )
