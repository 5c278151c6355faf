"""Evidence that somebody brought, with the trust files that it is judged by: what it shows, in words.

It is judged by a root whose fingerprint words people compared, and needs no network and no node of one's own. What a
node itself holds of others is `node.evidence.keep`'s to judge by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keys.trust.fingerprint import to_words
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.root import TrustedRoot, open_roots
from node.clock import minute
from node.errors import UsageError
from node.evidence.judgement import believable_document, judge
from protocol.errors import MalformedError
from protocol.evidence import Finding
from protocol.hit_evidence.bundle import is_hit_evidence
from protocol.hit_evidence.verify import NOT_PROVEN, Backing, HitFinding, verify_hit
from protocol.lists.event import collection_name
from protocol.trustfork import TrustFinding, TrustFork, verify_trust_fork


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """Files as they came."""

    evidence: bytes
    roots: Sequence[bytes] = ()
    """Of the accused, from the first on; evidence of a hit brings its own."""
    document: bytes = b""
    """Its `node.json`; empty: none came."""
    revoked: bytes = b""
    """Its `revoked.json`; empty: none came."""
    members: Mapping[str, bytes] = field(default_factory=dict)
    """Fingerprints of roots that whoever judges knows of the members behind a hit, by node name."""
    newer: Sequence[bytes] = ()
    """Files of revocations of nodes behind a hit that may be newer than those in its evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What it shows."""

    found: HitFinding | TrustFinding | Finding
    lines: Sequence[str]
    not_proven: Sequence[str] = ()
    """What whoever presents it has to say beside it."""


def judge_brought(brought: Brought, pinned: bytes) -> Judged:
    """What evidence shows by the root with this fingerprint: the accused's, or that of the node which gave a hit.

    Raises:
        UsageError: it needs trust files that did not come with it.
        VerificationError: a file of revocations is named, and did not come.
        ProtocolError, KeysError: it does not hold, or the root is another one.
    """
    if is_hit_evidence(brought.evidence):
        hit = verify_hit(brought.evidence, pinned, members=brought.members, revoked=brought.newer)
        return Judged(found=hit, lines=_hit_lines(hit), not_proven=NOT_PROVEN)
    if not brought.roots:
        raise UsageError("evidence against a node is judged by its root", hint="--root 1.root.json")
    roots = open_roots(brought.roots, pinned)
    try:
        TrustFork.from_bytes(brought.evidence)
    except MalformedError:
        return _judge_log(brought, roots)
    fork = verify_trust_fork(brought.evidence, roots[-1])
    said = f"verified: {fork.node} signed two {fork.what} files of version {fork.version}"
    return Judged(found=fork, lines=(said, "  at fault: whoever holds its targets keys"))


def culprits(found: Finding) -> Sequence[str]:
    """Whose signatures contradict each other."""
    return [*(["the log"] if found.log_at_fault else []), *(key.name for key in found.witnesses_at_fault)]


def _judge_log(brought: Brought, roots: Sequence[TrustedRoot]) -> Judged:
    if not brought.document:
        raise UsageError("this evidence is about a log", hint="say who signs it: --document node.json")
    by = believable_document(roots, brought.document, brought.revoked)
    found = judge(brought.evidence, by)
    return Judged(found=found, lines=_log_lines(found, by))


def _log_lines(found: Finding, by: NodeDocument) -> Sequence[str]:
    day = f"{by.valid.start:%Y-%m-%d}"
    return (
        f"verified: {found.kind.name.lower()} of {found.origin}",
        f"  two signed heads, of sizes {found.held.checkpoint.size:,} and {found.offered.checkpoint.size:,}",
        f"  at fault: {', '.join(culprits(found)) or 'nobody that the signatures alone could name'}",
        f"  by the keys that {by.node} named on {day}; of one that it took back later, they say nothing",
    )


def _hit_lines(found: HitFinding) -> Sequence[str]:
    kind, collection = found.digest.algorithm.name.lower(), collection_name(found.collection)
    return (
        f"verified: the reported {kind} hash was listed as {collection}: release {found.version} of {found.subset}",
        f"  reported by {found.partner}, received {minute(found.received_ms)}",
        *(line for each in found.backings for line in _backing(each, found.node)),
        f"  rule: {found.k} countries, or an authority; met",
        f"  the release log is cosigned by {_cosigned(found)}",
        f"  keys that {found.node} took back: {_known(found)}",
    )


def _cosigned(found: HitFinding) -> str:
    if not found.cosigned_by:
        return "none of these members"
    return f"{', '.join(found.cosigned_by)}: it existed no later than {minute(found.existed_ms)}"


def _known(found: HitFinding | Backing) -> str:
    """How far it is known that no stolen key is behind it."""
    if not found.revocations_known:
        return "unknown, its file of them is not in this evidence"
    if found.revocations_until is None:
        return "none is behind this, by the file that is known beside this evidence"
    return f"none is behind this, by a listing that ended on {found.revocations_until:%Y-%m-%d %H:%M} UTC"


def _backing(each: Backing, register: str) -> Sequence[str]:
    who = f"{each.node} ({each.country or 'of no country'}{', an authority' if each.authority else ''})"
    basis = {"own": "it holds the material", "reviewed": "its analysts examined the material"}
    words = basis[each.basis.name.lower()]
    root = "a root that you know" if each.pinned else f"as {register}'s register has it"
    return (
        f"  {who}: {each.origin}, entry {each.index}, {words}, dated {minute(each.since_ms)} by the list itself",
        f"    {to_words(each.root_sha256)}: {root}",
        f"    keys that it took back: {_known(each)}",
    )
