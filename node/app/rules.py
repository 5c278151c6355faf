"""The documents whose hashes a release names, as this node holds them now."""

from node.identity.identity import Identity
from node.store.store import Store
from node.subsets.catalogue import subset_origin
from node.subsets.draft import RuleDocuments
from node.trust.others.documents import member_documents
from node.trust.others.refresh import log_trust
from protocol.tlog.policy import write_policy
from protocol.witness.policy import witness_policy


def rule_documents(identity: Identity, store: Store, subset: str) -> RuleDocuments:
    """Those for a release of `subset`: whose cosignatures on its log this node would ask for.

    A partner derives the policy itself, and is told when the two differ.
    """
    now = identity.clock.now()
    origin = subset_origin(identity.settings.node, subset)
    held = member_documents(store, identity.introductions, identity.trust)
    policy = witness_policy(
        origin,
        identity.trust.members(),
        held,
        log_keys=log_trust(identity.trust.document(), origin, now).log_keys,
        now=now,
    )
    return RuleDocuments(witness_policy=write_policy(policy))
