"""Keeping evidence: what it is about, whether it verifies, and what follows from it.

Evidence comes from strangers: it is verified with the keys of the accused before it is kept, kept once for each pair of
contradicting things whatever else its notes hold, and no more than a few of one subject are kept open. A log that a
proof convicts stands still: nothing is pulled, its adds take no new effect, what was effective stays, and its
withdrawals still count. What people released does not suspend it again; a head that they have not seen does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from keys.message import Message
from keys.trust.envelope import open_envelope
from keys.trust.fingerprint import fingerprint
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.root import TrustedRoot, open_roots
from node.errors import NotFoundError, StoreError, UsageError, VerificationError
from node.evidence.judgement import accused_log, claimed_head, judge
from node.journal import Journal
from node.objects.logfiles import held_tree
from node.ports.objects import ObjectStore
from node.store.lists.records import FORKED, LogKind, LogRecord, Quarantined
from node.store.peers.records import EvidenceKind, EvidenceRecord
from node.store.store import Store
from node.store.unit import Unit
from node.trust.others.documents import member_files
from node.trust.others.revocations import believable
from node.trust.own import OwnTrust
from protocol.errors import MalformedError, ProtocolError
from protocol.evidence import notes_of
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.conflict import Conflict, ConflictKind, read_conflict
from protocol.trustfork import TrustFork, content_pair, verify_trust_fork

MAX_OPEN: Final = 8
"""Evidence of one kind and subject that is kept while nobody has looked, and of what people have looked at: one
convicts, thousands only fill a disk."""

MAX_OF_NODE: Final = 64
"""Proofs against one node; beyond them each held log is still convicted once, and logs that are not held are not:
a node names as many logs as it likes."""

_KINDS: Final = {
    ConflictKind.FORK: EvidenceKind.FORK,
    ConflictKind.ROLLBACK: EvidenceKind.ROLLBACK,
    ConflictKind.DIVERGENCE: EvidenceKind.DIVERGENCE,
}
_AT_LEAST: Final = 6
"""Digits by which kept evidence is named."""
_FOLLOWED: Final = (LogKind.PEER_LIST, LogKind.PEER_RELEASES)
_journal = Journal("evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accused:
    """A node that evidence can be about: its pinned root and its newest held document."""

    root: TrustedRoot
    document: NodeDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What some bytes show, as far as `kind` says."""

    kind: EvidenceKind
    subject: str
    node: str
    pair: str
    words: str


def accused_nodes(store: Store, introductions: ObjectStore, trust: OwnTrust) -> Mapping[str, Accused]:
    """Every member, by name, as its pinned root and newest held document say, this node among them.

    Without stolen keys: two histories that a thief signed would convict whom he stole from.
    """
    own = trust.root()
    files = member_files(store, introductions, trust.members(), own=own.node)
    accused = {
        node: Accused(root=open_roots(held.roots, fingerprint(held.roots[0]))[-1], document=held.document)
        for node, held in files.items()
    }
    accused[own.node] = Accused(root=own, document=trust.document())
    with store.read() as unit:
        return {node: replace(one, document=believable(unit, one.document)) for node, one in accused.items()}


def verify(data: bytes, accused: Mapping[str, Accused]) -> Verdict:
    """What evidence shows about one of the nodes that this one counts.

    Raises:
        VerificationError: about a node that is not known here.
        ProtocolError, KeysError: it does not hold.
    """
    node = accused_node(data)
    if node not in accused:
        raise VerificationError("evidence about a node that is not a member here")
    try:
        fork = TrustFork.from_bytes(data)
    except MalformedError:
        finding = judge(data, accused[node].document)
        return of_log(data, _KINDS[finding.kind])
    root = accused[node].root
    found = verify_trust_fork(data, root)
    one, other = (open_envelope(envelope, fork.what, root) for envelope in (fork.one, fork.other))
    return Verdict(
        kind=EvidenceKind.TRUST,
        subject=node,
        node=node,
        pair=content_pair(one, other),
        words=Message("{node} signed two files of one version, {version}", node, found.version),
    )


def accused_node(data: bytes) -> str:
    """The node that evidence accuses, unverified; raises `MalformedError`."""
    try:
        return TrustFork.from_bytes(data).node
    except MalformedError:
        return accused_log(data).partition("/")[0]


def of_log(data: bytes, kind: EvidenceKind) -> Verdict:
    """The verdict on two notes whose signatures were verified, by whoever calls."""
    one, other = heads_of(data)
    return Verdict(
        kind=kind,
        subject=one.origin,
        node=one.origin.partition("/")[0],
        pair=content_pair(_head(one), _head(other)),
        words=Message(
            "{origin} signed two histories, at sizes {one} and {other}"
            if kind.convicts
            else "{origin} may have signed two histories, at sizes {one} and {other}",
            one.origin,
            f"{one.size:,}",
            f"{other.size:,}",
        ),
    )


def heads_of(data: bytes) -> tuple[Checkpoint, Checkpoint]:
    """The two heads in evidence about a log; raises `MalformedError`."""
    one, other = notes_of(read_conflict(data))
    return claimed_head(one), claimed_head(other)


def keep(store: Store, data: bytes, verdict: Verdict, *, source: str, now_ms: int) -> EvidenceRecord | None:
    """Keep evidence and let follow what follows; the record of this pair, None when too much is kept already.

    `source` is the peer that told it, or empty. A record that is not the one of these bytes was there before.
    """
    with store.read() as unit:
        kept = [one for one in unit.evidence.ls(verdict.subject) if one.kind is verdict.kind]
        enough = verdict.kind.convicts and _has_enough(unit, verdict)
    same = next((one for one in kept if one.pair == verdict.pair), None)
    if same is not None:
        return same
    if enough or sum(one.released_ms is None for one in kept) >= MAX_OPEN:
        return None
    judged = verdict.kind.convicts and not _is_news(store, data, verdict)
    if judged and len(kept) >= MAX_OPEN:
        return None  # a branch that people have looked at can grow for ever
    record = EvidenceRecord(
        sha256=sha256(data).hexdigest(),
        kind=verdict.kind,
        subject=verdict.subject,
        pair=verdict.pair,
        source=source,
        created_ms=now_ms,
        released_ms=now_ms if judged else None,
    )
    store.objects.put(record.object, data)
    with store.write() as unit:
        if not unit.evidence.add(record):
            return record  # another process was faster, or the same bytes are kept as another kind
        if verdict.kind.convicts and not judged:
            _suspend(unit, verdict, now_ms)
    if verdict.kind.convicts:
        _journal.warning("kept", subject=verdict.subject, kind=verdict.kind, source=source)
    return record


def get_kept(store: Store, name: str) -> EvidenceRecord:
    """The kept evidence whose SHA-256 begins so.

    Raises:
        UsageError: too short, or several begin so.
        NotFoundError: none does.
    """
    with store.read() as unit:
        found = [record for record in unit.evidence.ls() if record.sha256.startswith(name.lower())]
    if len(name) < _AT_LEAST or len(found) > 1:
        raise UsageError(
            "give at least {least} digits of its name, and so many that no other begins with them", _AT_LEAST
        )
    if not found:
        raise NotFoundError("no such evidence is kept", hint="see what is kept: sigfed evidence ls")
    return found[0]


def _has_enough(unit: Unit, verdict: Verdict) -> bool:
    """Whether so many proofs against a node are kept that another one convicts nothing that is held here."""
    proofs = [one for one in unit.evidence.ls() if one.kind.convicts]
    if sum(one.subject.partition("/")[0] == verdict.node for one in proofs) < MAX_OF_NODE:
        return False
    matters = verdict.kind is EvidenceKind.TRUST or unit.logs.find(verdict.subject) is not None
    waiting = (one for one in proofs if one.subject == verdict.subject and one.released_ms is None)
    return not matters or next(waiting, None) is not None


def suspend_convicted(store: Store, origin: str, *, now_ms: int) -> None:
    """Let a log stand still that was convicted before it was followed."""
    with store.read() as unit:
        log = unit.logs.get(origin)
        if not _convicting(unit, log) or suspended(unit, log) is not None:
            return
    with store.write() as unit:
        if waiting := _convicting(unit, log):
            words = Message(
                "{subject} was proved to have shown two histories before it was followed", waiting[0].subject
            )
            _stop(unit, log, words, now_ms)


def _convicting(unit: Unit, log: LogRecord) -> list[EvidenceRecord]:
    """Proofs against a log or its node that people have not looked at."""
    kept = [one for subject in (log.origin, log.node) for one in unit.evidence.ls(subject)]
    return [one for one in kept if one.kind.convicts and one.released_ms is None]


def suspended(unit: Unit, log: LogRecord) -> Quarantined | None:
    """The record that keeps a log standing still, if one does."""
    return next((record for record in unit.quarantine.ls(log.id) if record.kind == FORKED), None)


def _suspend(unit: Unit, verdict: Verdict, now_ms: int) -> None:
    """The log, or every followed log of a node whose trust files contradict each other."""
    for log in unit.logs.ls(*_FOLLOWED):
        if verdict.subject in {log.origin, log.node}:
            _stop(unit, log, verdict.words, now_ms)


def _stop(unit: Unit, log: LogRecord, words: str, now_ms: int) -> None:
    """Unless it stands still: nobody releases that before this transaction ends, and then sees what came."""
    held, size = suspended(unit, log), log.head.size
    if held is not None and unit.quarantine.lock(held.id).released_ms is None:
        return
    record = Quarantined(log_id=log.id, kind=FORKED, first=size, last=size, reason=words, created_ms=now_ms)
    unit.quarantine.add([record])


def _is_news(store: Store, data: bytes, verdict: Verdict) -> bool:
    """Whether a proof shows a history that people have not looked at: a branch they released is theirs to judge."""
    if verdict.kind is EvidenceKind.TRUST:
        return True
    seen = set(_strange_heads(store, verdict.subject))
    return not any(_head(head) in seen for head in heads_of(data))


def _strange_heads(store: Store, origin: str) -> Iterator[bytes]:
    """Heads in released evidence that are not of the history that is held."""
    with store.read() as unit:
        records = [
            one for one in unit.evidence.ls(origin) if one.released_ms is not None and one.kind.convicts
        ]
        log = unit.logs.find(origin)
    for record in records:
        data = store.objects.get(record.object)
        ours = [log is not None and _is_held(store, log, head) for head in heads_of(data)]
        for head, own in zip(heads_of(data), ours, strict=True):
            if not own and not _larger_of_ours(store, log, data, head):
                yield _head(head)


def _larger_of_ours(store: Store, log: LogRecord | None, data: bytes, head: Checkpoint) -> bool:
    """Whether evidence itself proves that a head, larger than what is held, goes on from it."""
    conflict = read_conflict(data)
    if log is None or isinstance(conflict, Conflict) or _head(claimed_head(conflict.larger)) != _head(head):
        return False
    small = claimed_head(conflict.smaller)
    return _is_held(store, log, Checkpoint(small.origin, small.size, conflict.root))


def _is_held(store: Store, log: LogRecord, head: Checkpoint) -> bool:
    """Whether a head is one that the held tree has had."""
    if head.size > log.head.size:
        return False
    try:
        return held_tree(store, log).prefix_root(head.size) == head.root
    except (StoreError, ProtocolError):
        return False


def _head(head: Checkpoint) -> bytes:
    return head.text().encode()
