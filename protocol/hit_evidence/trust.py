"""The trust files in a hit's evidence: which keys a node named, which were stolen, and as of when that is known.

A stolen key proves nothing, also about the past. So the files come with what the node's repository listed: a file of
revocations that is missing, or older than that, is noticed. Whoever judges may have a newer one. Evidence of format 1
holds none of this. Spec: docs/spec/hit.md, "Revocations".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keys.errors import KeysError
from keys.trust.fingerprint import fingerprint
from keys.trust.held_trust import under_newest
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.revocations import Revocations, none_revoked, open_revocations
from keys.trust.tuf.repository import Listed, TargetsMetadata, open_snapshot, open_targets, open_timestamp
from keys.trust.tuf.root import TrustedRoot, open_roots
from keys.trust.tuf.target_files import NODE_FILE, REVOKED_FILE, target_path
from protocol.errors import ProofError
from protocol.hit_evidence.bundle import CurrentFiles

_NOT_LISTED: Final = "that its repository does not list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """What a node signed, as far as it can be believed."""

    roots: tuple[TrustedRoot, ...]
    document: NodeDocument
    """Without the keys that are known to be stolen."""
    revocations: Revocations | None
    """None: nothing is known of them."""
    known_until: datetime | None
    """End of the timestamp that lists them; None: they are not known, or of a file that was given beside."""

    @property
    def root_sha256(self) -> bytes:
        """Fingerprint of the first root, which words are spelled from."""
        return fingerprint(self.roots[0].data)

    def require_undoubted(self, origin: str, index: int) -> None:
        """Raise `ProofError` for an event that whoever stole a key of its log may have added."""
        if self.revocations is None:
            return
        if any(index in span for span in self.revocations.doubted(origin)):
            raise ProofError(
                "hit evidence: event {index} of {origin} may be of who stole its key", index, origin
            )


def believe(
    roots: Sequence[bytes],
    document: bytes,
    current: CurrentFiles | None,
    *,
    pinned: bytes,
    newer: Sequence[bytes] = (),
) -> Believed:
    """What these files of one node say, from its pinned root; `newer` are more files of revocations, of any nodes.

    Raises:
        KeysError: a file that its signers did not sign.
        ProofError: files that the repository does not list, or that contradict those that were given.
    """
    opened = open_roots(roots, pinned)
    listed = None if current is None else _listed(current, opened[-1])
    # What targets metadata of the newest root lists may be signed by the keys before.
    found = (
        open_node_document(document, opened[-1])
        if listed is None
        else under_newest(opened, lambda root: open_node_document(document, root))
    )
    revocations = None
    if current is not None and listed is not None:
        revocations = _revocations(document, current, listed[0], opened)
    known = _newest(_given(newer, opened), revocations)
    return Believed(
        roots=opened,
        document=found if known is None else known.believable(found),
        revocations=known,
        known_until=listed[1] if listed is not None and known == revocations else None,
    )


def _listed(current: CurrentFiles, root: TrustedRoot) -> tuple[TargetsMetadata, datetime]:
    """What the repository lists, and the end of the timestamp that says so."""
    timestamp = open_timestamp(current.timestamp, root)
    snapshot = open_snapshot(current.snapshot, root)
    targets = open_targets(current.targets, root)
    named = ((timestamp, snapshot.version, current.snapshot), (snapshot, targets.version, current.targets))
    for pointer, version, data in named:
        if (pointer.names, pointer.file) != (version, Listed.of(data)):
            raise ProofError(
                "hit evidence: metadata of {node} that is not what its timestamp leads to", root.node
            )
    return targets, timestamp.expires


def _revocations(
    document: bytes, current: CurrentFiles, targets: TargetsMetadata, roots: Sequence[TrustedRoot]
) -> Revocations:
    node = roots[-1].node
    if targets.files.get(target_path(NODE_FILE)) != Listed.of(document):
        raise ProofError("hit evidence: a document of {node} {name}", node, _NOT_LISTED)
    named = targets.files.get(target_path(REVOKED_FILE))
    if named is None and not current.revoked:
        return none_revoked(node)
    if named != Listed.of(current.revoked):
        raise ProofError("hit evidence: revocations of {node} {name}", node, _NOT_LISTED)
    return _opened(current.revoked, roots)


def _given(newer: Sequence[bytes], roots: Sequence[TrustedRoot]) -> Revocations | None:
    """The newest of the given files that is about this node; None where none is."""
    found = []
    for data in newer:
        try:
            found.append(_opened(data, roots))
        except KeysError:
            continue  # of another node
    return max(found, key=lambda each: each.version, default=None)


def _opened(revoked: bytes, roots: Sequence[TrustedRoot]) -> Revocations:
    return under_newest(roots, lambda root: open_revocations(revoked, root))


def _newest(given: Revocations | None, held: Revocations | None) -> Revocations | None:
    """The newer of both, which has to go on with the other: what was taken back once stays so."""
    if given is None or held is None:
        return given or held
    if held.follows(given):
        return held
    if given.follows(held) or not held.entries:
        return given
    raise ProofError(
        "hit evidence: two files of revocations of {node} that contradict each other", given.node
    )
