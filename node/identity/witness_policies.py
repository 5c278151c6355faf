"""The witness policies of this node's lists, made of the members' documents in its store whenever it signs."""

from collections.abc import Mapping

from keys.roles import Role
from keys.trust.members import Members
from keys.trust.node_document import NodeDocument
from node.clock import Clock, Entropy
from node.config import Settings
from node.home import Home, store_dsn
from node.identity.lease import claim_of
from node.objects.stores import open_introductions, open_objects
from node.signing.online import OnlineKeychain
from node.store.store import Store
from node.trust.others.documents import member_files
from node.trust.others.revocations import all_signing
from node.witnesses.policies import policy_files


def policies(
    document: NodeDocument,
    members: Members,
    home: Home,
    settings: Settings,
    keychain: OnlineKeychain,
    *,
    clock: Clock,
    entropy: Entropy,
) -> Mapping[str, bytes]:
    """The policies that belong to a node document and a register, by file name."""
    store = Store.open(
        store_dsn(home, settings),
        objects=open_objects(home, settings, claim_of(home, settings)),
        storage_keys=lambda label: keychain.secret(Role.STORAGE, label),
        entropy=entropy,
    )
    try:
        held = member_files(store, open_introductions(home), members, own=document.node)
        with store.read() as unit:
            documents = all_signing(unit, {node: files.document for node, files in held.items()})
        return policy_files(document, members, documents, clock.now())
    finally:
        store.dispose()
