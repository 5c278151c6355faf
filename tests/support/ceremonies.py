"""Replacing everybody: all holders, all targets keys and both online keys of a founded node, in one root.

Old and new targets keys sign the trust files, so that they verify under both roots, whichever a reader has reached.
"""

from dataclasses import replace
from datetime import timedelta

from keys.key import RootPrivateKey, SnapshotPrivateKey, TargetsPrivateKey, TimestampPrivateKey
from keys.trust.members import sign_members
from keys.trust.node_document import sign_node_document
from node.trust.tuf.repository import TufRepository
from support.federation import FoundedNode


def replace_everybody(node: FoundedNode, label: str) -> list[TargetsPrivateKey]:
    """Publish the next root with none of the keys of the one before it; the keys that sign trust files from now on."""
    old = node.trust.root()
    roots = [node.root_keys.create(RootPrivateKey, f"{label}-{number}") for number in (1, 2)]
    targets = [node.root_keys.create(TargetsPrivateKey, f"{label}-{number}") for number in (1, 2)]
    before = [
        key
        for (role, name) in node.root_keys.secrets
        if role is TargetsPrivateKey.public_type.role
        and (key := node.root_keys.key(TargetsPrivateKey, name)).public in old.targets_keys
    ]
    document = replace(node.trust.document(), serial=node.trust.document().serial + 1)
    both = [*before, *targets]
    node.files.put("node.json", sign_node_document(document, both))
    node.files.put("members.json", sign_members(node.trust.members(), both))
    node.rotate_root(
        expires=(node.clock.now() + timedelta(days=365)).replace(microsecond=0),
        holders=(),
        root_keys=tuple(key.public for key in roots),
        targets_keys=tuple(key.public for key in targets),
        snapshot_keys=(node.keys.create(SnapshotPrivateKey, label).public,),
        timestamp_keys=(node.keys.create(TimestampPrivateKey, label).public,),
    )
    repository = TufRepository(node.files, node.clock)
    repository.list_files(node.trust.root(), node.trust.listed_files(), targets)
    node.trust.revise_document(lambda found: found, signers=targets)
    return targets
