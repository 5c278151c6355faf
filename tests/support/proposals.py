"""Proposals about a node with fixed keys: what holders are asked to sign, and everybody's keys to do it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

from keys.key import RootPrivateKey, SnapshotPrivateKey, TargetsPrivateKey, TimestampPrivateKey
from keys.signer import Signer
from keys.trust import members as register
from keys.trust import node_document as documents
from keys.trust.fingerprint import fingerprint
from keys.trust.members import Member, Members
from keys.trust.proposals.proposal import Proposal
from keys.trust.proposals.sign import OpenedProposal, open_proposal, sign
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.repository import author_targets
from keys.trust.tuf.root import RootContent, TrustedRoot, open_root
from keys.trust.tuf.target_files import target_path
from keys.trust.tuf.write_root import author_root
from support.trust import EXPIRES, NODE, NOW, ROOT_KEYS, TARGETS_KEYS, node_document, root_content

NEW_ROOT_KEYS = [RootPrivateKey.from_seed(letter * 32) for letter in (b"R", b"S", b"T")]
NEW_TARGETS_KEYS = [TargetsPrivateKey.from_seed(letter * 32) for letter in (b"A", b"Y", b"Z")]
NEW_SNAPSHOT_KEY = SnapshotPrivateKey.from_seed(b"B" * 32)
NEW_TIMESTAMP_KEY = TimestampPrivateKey.from_seed(b"C" * 32)
UNTIL = NOW + timedelta(days=180)


def holders(
    roots: Sequence[RootPrivateKey] = ROOT_KEYS, targets: Sequence[TargetsPrivateKey] = TARGETS_KEYS
) -> tuple[Holder, ...]:
    """Holders "1", "2" and so on of these keys."""
    return tuple(
        Holder(name=str(number), root=root.public, targets=key.public)
        for number, (root, key) in enumerate(zip(roots, targets, strict=True), 1)
    )


@cache
def held_root() -> TrustedRoot:
    """The first root of the node, which names its three holders; two must sign."""
    data = author_root(replace(root_content(), holders=holders()), ROOT_KEYS[:2])
    return open_root(data, fingerprint(data))


@cache
def members() -> Members:
    """A register with the node and one other member in it."""
    own = Member(node=NODE, root_sha256=held_root().sha256, country="FR")
    other = Member(node="nl.example", root_sha256=b"\x17" * 32, country="NL")
    return Members(version=4, k=2, block_cap=100, members=(own, other))


@cache
def files() -> Mapping[str, bytes]:
    """The trust files in force."""
    signers = TARGETS_KEYS[:2]
    return {
        "node.json": documents.sign_node_document(node_document(), signers),
        "members.json": register.sign_members(members(), signers),
        "criteria-1.md": b"# Baseline\n",
    }


@cache
def listing() -> bytes:
    """The targets metadata in force."""
    listed = {target_path(name): data for name, data in files().items()}
    return author_targets(held_root(), listed, version=7, expires=EXPIRES, signers=TARGETS_KEYS[:2])


def next_content(
    named: Sequence[Holder] | None = None, *, threshold: int = 2, targets_threshold: int = 2
) -> RootContent:
    """A next root with other online keys; by default everything else stays."""
    held = tuple(holders() if named is None else named)
    return replace(
        root_content(),
        expires=EXPIRES + timedelta(days=90),
        root_keys=tuple(holder.root for holder in held if holder.root is not None),
        targets_keys=tuple(holder.targets for holder in held if holder.targets is not None),
        threshold=threshold,
        targets_threshold=targets_threshold,
        snapshot_keys=(NEW_SNAPSHOT_KEY.public,),
        timestamp_keys=(NEW_TIMESTAMP_KEY.public,),
        holders=held,
    )


def proposal(
    *, root: RootContent | None = None, changed: Mapping[str, bytes] | None = None, handover: bool = True
) -> Proposal:
    """A proposal of these changes."""
    return Proposal(
        node=NODE,
        roots=(held_root().data,),
        files=files(),
        listing=listing(),
        root=root,
        changed=changed or {},
        expires=UNTIL,
        handover=handover,
    )


def next_document() -> bytes:
    """The payload of the next node document, which only names a contact."""
    return documents.to_json(replace(node_document(serial=4), contact="desk 7"))


def register_without() -> bytes:
    """The payload of the next register, without the other member."""
    return register.to_json(replace(members(), version=5, members=members().members[:1]))


def all_anew() -> dict[str, bytes]:
    """Every envelope, to be signed by other targets keys."""
    return {"node.json": next_document(), "members.json": register.to_json(members())}


def opened(made: Proposal, *rounds: Sequence[Signer]) -> OpenedProposal:
    """The proposal after these people signed, one sitting each."""
    found = open_proposal(made)
    for signers in rounds:
        found = sign(found, signers)
    return found
