"""Heads that peers tell, judged by what is held: the same size, a smaller one, or one that is still ahead.

A head counts when its log's key signed it. One that is ahead of what is held is remembered, one for each log and
teller, and judged when the log has come that far. Spec: docs/spec/gossip.md.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Final

from keys.errors import KeysError
from node.errors import MissingObjectError, VerificationError
from node.evidence.divergence import divergence
from node.evidence.judgement import claimed_head
from node.evidence.keep import Accused, Verdict, accused_node, keep, of_log, suspended, verify
from node.journal import Journal
from node.objects.logfiles import held_tree
from node.store.lists.records import LogKind, LogRecord
from node.store.peers.records import EvidenceKind, HeardHead, WitnessRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.errors import ProtocolError, UnknownSignerError
from protocol.evidence import encode_fork, encode_rollback
from protocol.gossip import Gossip, GossipHead
from protocol.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from protocol.tlog.log_keys import log_keys

MAX_FETCHED: Final = 16
"""Objects that one peer is asked for after one gossip."""
FREEZE_AFTER: Final = timedelta(hours=6)
"""How long a log's node may show less than a peer has seen of it."""
_FREEZE_MS: Final = FREEZE_AFTER // timedelta(milliseconds=1)

_HELD: Final = frozenset({LogKind.OWN_LIST, LogKind.OWN_RELEASES, LogKind.PEER_LIST, LogKind.PEER_RELEASES})
_PEERS: Final = frozenset({LogKind.PEER_LIST, LogKind.PEER_RELEASES})
_journal = Journal("gossip")


@dataclass(slots=True)
class Asking:
    """One round with one peer."""

    peer: str
    now_ms: int
    accused: dict[str, Accused]
    found: list[Verdict] = field(default_factory=list)
    refused: int = 0
    fetches: int = MAX_FETCHED

    def keep(self, store: Store, data: bytes, verdict: Verdict, *, source: str) -> bool:
        """Keep evidence; whether these bytes are kept now."""
        record = keep(store, data, verdict, source=source, now_ms=self.now_ms)
        if record is None or record.sha256 != sha256(data).hexdigest():
            return False
        if record.created_ms == self.now_ms:
            self.found.append(verdict)
        return True


class Hearing:
    """Judges heads for one node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, asking: Asking, told: Gossip) -> None:
        """Judge what was told now, or remember it; what does not verify is counted."""
        for one in told.heads:
            accused = asking.accused.get(one.origin.partition("/")[0])
            if accused is None:
                continue
            try:
                self._take_head(asking, one, accused)
            except UnknownSignerError:
                continue  # the log may have another key since, which its own node names
            except ProtocolError:
                asking.refused += 1

    def _take_head(self, asking: Asking, one: GossipHead, accused: Accused) -> None:
        theirs = open_checkpoint(one.note, origin=one.origin, log_keys=log_keys(accused.document, one.origin))
        with self._store.read() as unit:
            log, cosigned = _find(unit, one.origin), unit.witnessed.find(one.origin)
        for note in _own_notes(log, cosigned):
            ours = claimed_head(note)
            if ours.size == theirs.checkpoint.size and ours.root != theirs.checkpoint.root:
                self._found(asking, encode_fork(note, one.note), EvidenceKind.FORK)
        if log is None:
            return  # a node can name logs without end, and of those that nobody follows here nothing is compared
        if log.note is None or log.head.size < theirs.checkpoint.size:
            self._hear(asking, theirs)
        else:
            self._compare(asking, log, theirs, source=asking.peer)

    def _compare(self, asking: Asking, log: LogRecord, theirs: SignedCheckpoint, *, source: str) -> None:
        """A head that is not larger than what is held: its root must be one that the held tree has had."""
        size = theirs.checkpoint.size
        if not 0 < size < log.head.size or log.note is None:
            return
        ours = SignedCheckpoint(claimed_head(log.note), log.note, (), ())
        try:
            data = divergence(theirs, ours, held_tree(self._store, log))
        except MissingObjectError:
            return  # the log has grown meanwhile, and its tiles with it; what is told again is judged again
        if data is not None:
            self._found(asking, data, EvidenceKind.DIVERGENCE, source=source)

    def _found(self, asking: Asking, data: bytes, kind: EvidenceKind, *, source: str = "") -> None:
        """Evidence that was made here: judged like any other before it is kept."""
        try:
            verdict = verify(data, asking.accused)
        except (ProtocolError, KeysError, VerificationError) as exc:
            _journal.warning("unprovable", node=accused_node(data), kind=kind, reason=str(exc))
            return
        asking.keep(self._store, data, verdict, source=source)

    def _hear(self, asking: Asking, theirs: SignedCheckpoint) -> None:
        head = theirs.checkpoint
        with self._store.write() as unit:
            before = next(
                (
                    one
                    for one in unit.evidence.heard()
                    if (one.origin, one.source) == (head.origin, asking.peer)
                ),
                None,
            )
            if before is not None and before.size >= head.size:
                return
            unit.evidence.hear(
                HeardHead(
                    origin=head.origin,
                    source=asking.peer,
                    size=head.size,
                    root=head.root,
                    note=theirs.note,
                    heard_ms=asking.now_ms if before is None else before.heard_ms,
                )
            )

    def review(self, asking: Asking) -> None:
        """Judge remembered heads by what is held now."""
        with self._store.read() as unit:
            heard = unit.evidence.heard()
        for one in heard:
            with self._store.read() as unit:
                log = _find(unit, one.origin)
            if log is None or log.note is None:
                continue
            if one.size > log.head.size:
                self._suspect_freeze(asking, log, one)
                continue
            self._judge_heard(asking, log, one)
            with self._store.write() as unit:
                unit.evidence.unhear(one)

    def _judge_heard(self, asking: Asking, log: LogRecord, one: HeardHead) -> None:
        assert log.note is not None
        if one.size == log.head.size:
            if one.root != log.head.root:
                self._found(asking, encode_fork(log.note, one.note), EvidenceKind.FORK, source=one.source)
            return
        theirs = SignedCheckpoint(claimed_head(one.note), one.note, (), ())
        try:
            self._compare(asking, log, theirs, source=one.source)
        except ProtocolError as exc:
            _journal.warning("unprovable", origin=one.origin, reason=str(exc))

    def _suspect_freeze(self, asking: Asking, log: LogRecord, one: HeardHead) -> None:
        """The log's own node went on showing less, long after a peer had seen more; of an own log, at once."""
        if log.kind not in _PEERS:
            self._keep_claim(asking, log, one, EvidenceKind.UNPROVEN)
            return
        if log.checked_ms < one.heard_ms + _FREEZE_MS:
            return
        with self._store.read() as unit:
            if suspended(unit, log) is not None:
                return
        self._keep_claim(asking, log, one, EvidenceKind.FREEZE)

    def _keep_claim(self, asking: Asking, log: LogRecord, one: HeardHead, kind: EvidenceKind) -> None:
        assert log.note is not None
        data = encode_rollback(one.note, log.note)
        asking.keep(self._store, data, of_log(data, kind), source=one.source)


def _own_notes(log: LogRecord | None, cosigned: WitnessRecord | None) -> list[bytes]:
    """What is held and what was cosigned of a log."""
    held = [] if log is None or log.note is None else [log.note]
    return [*held, *([] if cosigned is None else [cosigned.head.note])]


def _find(unit: Unit, origin: str) -> LogRecord | None:
    log = unit.logs.find(origin)
    return log if log and log.kind in _HELD else None
