"""Evidence that somebody brought, with the trust files that it is judged by: what it shows, in words.

It is judged by a root whose fingerprint words people compared, and needs no network and no node of one's own. What a
node itself holds of others is `node.services.evidence.accusing`'s to judge by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from keys.trust.node_document import NodeDocument
from keys.trust.root import TrustedRoot, open_roots
from node.errors import UsageError
from node.services.evidence.judging import believable_document, judge
from protocol.errors import MalformedError
from protocol.event import collection_name
from protocol.evidence import Finding
from protocol.hit_evidence.bundle import is_hit_evidence
from protocol.hit_evidence.verify import NOT_PROVEN, Backing, HitFinding, verify_hit
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
        hit = verify_hit(brought.evidence, pinned)
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
        f"  reported by {found.partner}, received {_moment(found.received_ms)}",
        *map(_backing, found.backings),
        f"  rule: {found.k} countries, or an authority; met",
        f"  the release log is cosigned by {', '.join(found.cosigned_by) or 'none of these members'}",
    )


def _backing(each: Backing) -> str:
    who = f"{each.node} ({each.country or 'of no country'}{', an authority' if each.authority else ''})"
    basis = {"own": "it holds the material", "reviewed": "its analysts examined the material"}
    words = basis[each.basis.name.lower()]
    return f"  {who}: {each.origin}, entry {each.index}, {words}, since {_moment(each.since_ms)}"


def _moment(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC" if time_ms else "never"
