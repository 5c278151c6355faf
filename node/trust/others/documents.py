"""The members' node documents that this node holds, each verified again under the root that the register pins.

A peer's document is the newest of its syncs; of a member that is not followed it is the one of its introduction; this
node's own is its newest. A document that does not verify is not held: whoever counts must count its member as unknown,
not as absent. Whether a document is still valid is for the reader to say.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from keys.errors import KeysError, ThresholdError
from keys.trust.held_trust import HeldTrust
from keys.trust.members import Member, Members
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.tuf.root import open_roots
from node.errors import MissingObjectError
from node.journal import Journal
from node.ports.objects import ObjectStore
from node.store.store import Store
from node.trust.others.introductions import introduced_trust
from node.trust.others.revocations import all_signing
from node.trust.own import OwnTrust

_journal = Journal("documents")
_OPENED: Final = 256
"""Documents that are kept opened; a federation has fewer members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFiles:
    """A member's root files up to the one that its document is signed under, the signed envelope, and what it says."""

    roots: tuple[bytes, ...]
    envelope: bytes
    document: NodeDocument
    held: HeldTrust
    """All that is held of it."""


def member_documents(store: Store, introductions: ObjectStore, trust: OwnTrust) -> Mapping[str, NodeDocument]:
    """The documents of the register's members, by node name, this node's own among them; without keys taken back."""
    own = trust.document()
    files = member_files(store, introductions, trust.members(), own=own.node)
    documents = {**{node: held.document for node, held in files.items()}, own.node: own}
    with store.read() as unit:
        return all_signing(unit, documents)


def member_files(
    store: Store, introductions: ObjectStore, members: Members, *, own: str
) -> Mapping[str, MemberFiles]:
    """What is held of the members other than `own`, by node name; what does not verify is left out."""
    with store.read() as unit:
        peers = unit.peers.trust()
    return dict(_verified(peers, introductions, (one for one in members.members if one.node != own)))


def _verified(
    peers: Mapping[str, HeldTrust], introductions: ObjectStore, members: Iterable[Member]
) -> Iterator[tuple[str, MemberFiles]]:
    for member in members:
        try:
            held = peers.get(member.node) or introduced_trust(introductions, member.node)
            files = _read(held, member)
        except MissingObjectError:
            continue
        except KeysError as exc:
            _journal.warning("unusable", member=member.node, reason=str(exc))
            continue
        if files.document.node == member.node:
            yield member.node, files


def _read(held: HeldTrust, member: Member) -> MemberFiles:
    count, document = _opened(held.roots, held.node_document, member.root_sha256)
    return MemberFiles(roots=held.roots[:count], envelope=held.node_document, document=document, held=held)


@lru_cache(_OPENED)
def _opened(roots: tuple[bytes, ...], envelope: bytes, pin: bytes) -> tuple[int, NodeDocument]:
    """The document, and how many roots lead to the one whose keys signed it: a later one may have come without files.

    The same bytes are verified once: a sync asks for all members' documents at each list of each peer.
    """
    opened = open_roots(roots, pin)
    for count in range(len(opened), 1, -1):
        try:
            return count, open_node_document(envelope, opened[count - 1])
        except ThresholdError:
            continue
    return 1, open_node_document(envelope, opened[0])
