"""What somebody with a stolen log key may have published in an own log, and the last head that is surely the owner's.

A list's events carry the time of their publication, and so do releases and what was done at the node; what was added
when can be shown without any hash. Which of it the owner recognises is for people.
Spec: docs/spec/trust.md, "Revocations".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from keys.message import Message
from keys.trust.node_parts import FinalCheckpoint
from node.errors import StoreError, UsageError
from node.objects.logfiles import LogFiles, held_tree
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from protocol.audit import AuditRecord
from protocol.limits import EVENT_BYTES
from protocol.lists.event import Op
from protocol.slices import slices
from protocol.tlog.tiles import bundle_widths

_ROW: Final = 2 + EVENT_BYTES
"""Of an event in a bundle, behind its length."""
_OP: Final = 3
_TIME: Final = slice(10, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one publication added to a log."""

    first: int
    size: int
    """Of the log after it: what can be named as the last good size."""
    time_ms: int
    adds: int
    withdrawals: int
    others: int


def head_at(store: Store, log: LogRecord, size: int) -> FinalCheckpoint:
    """The head that an own log had at `size`; raises `UsageError` for a size that it never had."""
    if not 0 <= size <= log.head.size:
        raise UsageError(
            "{origin} has {size} events", log.origin, log.head.size, hint="choose a size up to that"
        )
    return FinalCheckpoint(size, held_tree(store, log).prefix_root(size))


@dataclass(frozen=True, slots=True)
class Vouched:
    """How many of the witnesses that were ever asked about an own log know its history up to some size."""

    asked: int
    cosigned: int

    @property
    def words(self) -> str:
        """For the person who chooses a last good size; empty where there is no witness."""
        if not self.asked:
            return ""
        if not self.cosigned:
            return Message(
                "no witness is known to have cosigned so much: peers may hold another history up to there, and a"
                " smaller size is safer"
            )
        return Message(
            "witnesses that cosigned at least so much: {cosigned} of {asked}; it is what others hold, too",
            self.cosigned,
            self.asked,
        )


def vouched(store: Store, log: LogRecord, size: int) -> Vouched:
    """Who cosigned the log at `size` or beyond, and so holds the same history until then."""
    with store.read() as unit:
        records = [record for record in unit.cosigners.ls() if record.origin == log.origin]
    cosigned = sum(bool(each.since_ms) and not each.alarm and each.size >= size for each in records)
    return Vouched(asked=len(records), cosigned=cosigned)


def rounds(store: Store, log: LogRecord) -> Iterator[Round]:
    """The publications of an own log, oldest first; nothing of it names a hash."""
    match log.kind:
        case LogKind.OWN_RELEASES:
            return _releases(store, log)
        case LogKind.OWN_AUDIT:
            return _records(store, log)
        case _:
            return _publications(store, log)


def _publications(store: Store, log: LogRecord) -> Iterator[Round]:
    first = 0
    for time, group in groupby(_runs(store, log), key=itemgetter(0)):
        ops = b"".join(run for _, run in group)
        adds, withdrawals = ops.count(Op.ADD), ops.count(Op.WITHDRAW)
        yield Round(
            first=first,
            size=first + len(ops),
            time_ms=int.from_bytes(time),
            adds=adds,
            withdrawals=withdrawals,
            others=len(ops) - adds - withdrawals,
        )
        first += len(ops)


def _runs(store: Store, log: LogRecord) -> Iterator[tuple[bytes, bytes]]:
    """Times, each with the ops of events that follow each other and have it: a byte for each.

    Times of an own list never fall, so a bundle whose first and last event have the same is of one publication.
    """
    files, size = LogFiles(store.objects, store.vault, log.origin), log.head.size
    for index, width in bundle_widths(0, size):
        data = files.entries(index, width, size=size)
        if len(data) != width * _ROW:
            raise StoreError("a stored bundle is damaged", hint="restore the object folder from a backup")
        if data[_TIME] == data[len(data) - _ROW :][_TIME]:
            yield data[_TIME], data[_OP::_ROW]
            continue
        for row in slices(data, _ROW):
            yield row[_TIME], row[_OP : _OP + 1]


def _releases(store: Store, log: LogRecord) -> Iterator[Round]:
    """A leaf each; what it added and removed are digests."""
    with store.read() as unit:
        releases = sorted(unit.releases.ls(log.name), key=lambda one: one.version)
    for one in releases:
        if one.version <= log.head.size:
            yield Round(
                first=one.version - 1,
                size=one.version,
                time_ms=one.created_ms,
                adds=one.added,
                withdrawals=one.removed,
                others=0,
            )


def _records(store: Store, log: LogRecord) -> Iterator[Round]:
    """A round for each record of the audit log, which has a leaf each."""
    files, size = LogFiles(store.objects, store.vault, log.origin), log.head.size
    for at, entry in files.all_events(size=size):
        time_ms = AuditRecord.from_bytes(entry).time_ms
        yield Round(first=at, size=at + 1, time_ms=time_ms, adds=0, withdrawals=0, others=1)
