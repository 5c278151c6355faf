"""The catalogue of logs. Each change of a head is one conditional UPDATE: whoever loses the race is told."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Row, Update, bindparam, case, select, update

from node.errors import AlreadyExistsError, ConflictError, NotFoundError
from node.store.lists.records import Head, LogKind, LogRecord
from node.store.tables import Log, Rows, record, table, values_of
from protocol.tlog.merkle import EMPTY_ROOT, CompactRange

_LOG = table(Log)
_C = _LOG.c
_BY_ORIGIN: Final = select(_LOG).where(_C.origin == bindparam("origin"))
_BY_KIND: Final = select(_LOG).where(_C.kind.in_(bindparam("kinds", expanding=True))).order_by(_C.origin)
_AT_HEAD: Final = update(_LOG).where(
    _C.id == bindparam("number"), _C.size == bindparam("held_size"), _C.root == bindparam("held_root")
)
_RESERVE: Final = update(_LOG).where(_C.id == bindparam("number"), _C.tail == bindparam("held_tail"))
_CLAIM: Final = _AT_HEAD.where(_C.pending_size.is_(None))
_SETTLED: Final = bindparam("settled_size", type_=BigInteger)
_SETTLE: Final = _AT_HEAD.where(
    _C.pending_size == _SETTLED, _C.pending_root == bindparam("settled_root")
).values(tail=case((_C.tail < _SETTLED, _SETTLED), else_=_C.tail))
_EMPTY: Final = Head(size=0, root=EMPTY_ROOT, frontier=CompactRange().to_bytes(), time_ms=0)
_NO_PENDING: Final = {column.name: None for column in _C if column.name.startswith("pending_")}


class LogRows(Rows):
    """The `log` table inside one transaction."""

    def create(self, *, origin: str, kind: LogKind, node: str, name: str) -> LogRecord:
        """Add a log of size 0; raises `AlreadyExistsError`."""
        row = values_of(
            _EMPTY, origin=origin, kind=kind, node=node, name=name, tail=0, checked_ms=0, reopened=0
        )
        self._insert(_LOG, row, AlreadyExistsError("{origin} exists already", origin))
        return self.get(origin)

    def get(self, origin: str) -> LogRecord:
        """The log of `origin`; raises `NotFoundError`."""
        what = "list" if "/lists/" in origin else "log"
        missing = NotFoundError(
            "there is no {what} {origin}", what, origin, hint="see them with: sigfed list ls"
        )
        return self._get(_record, _BY_ORIGIN, missing, origin=origin)

    def find(self, origin: str) -> LogRecord | None:
        """The log of `origin`, if there is one."""
        return self._find(_record, _BY_ORIGIN, origin=origin)

    def ls(self, *kinds: LogKind) -> Sequence[LogRecord]:
        """All logs of these kinds, by origin."""
        return self._records(_record, _BY_KIND, kinds=[kind.value for kind in kinds])

    def reserve(self, log: LogRecord, count: int) -> None:
        """Take `count` positions from `log.tail` on; raises `ConflictError` when others took some meanwhile."""
        values = {"number": log.id, "held_tail": log.tail, "tail": log.tail + count}
        self._swap(_RESERVE, values, log, "changes were added to it meanwhile")

    def lock(self, log: LogRecord) -> None:
        """Nobody else claims or settles a head of the log until this transaction, which is one that writes, ends."""
        self._connection.execute(select(_C.id).where(_C.id == log.id).with_for_update())

    def claim(self, log: LogRecord, head: Head, *, note: bytes | None) -> None:
        """Set the pending head; raises `ConflictError` unless the log stands where `log` says, with none pending."""
        pending = {f"pending_{name}": value for name, value in values_of(head, note=note).items()}
        self._swap(_CLAIM, _at_head(log) | pending, log, "another head was committed meanwhile")

    def settle(self, log: LogRecord, *, note: bytes, checked_ms: int) -> None:
        """Make the pending head the head; raises `ConflictError` unless it is still that of `log`."""
        pending = log.pending
        assert pending is not None, "only a pending head can be settled"
        same = _at_head(log) | {"settled_size": pending.size, "settled_root": pending.root}
        values = values_of(pending, note=note, checked_ms=checked_ms) | _NO_PENDING
        self._swap(_SETTLE, same | values, log, "its pending head was published meanwhile")

    def cosign(self, log: LogRecord, note: bytes) -> None:
        """Replace the note by one of the same head with other cosignatures.

        Raises `ConflictError` unless head and note are still those of `log`.
        """
        same = _AT_HEAD.where(_C.note == log.note)
        self._swap(same, _at_head(log) | {"note": note}, log, "its note was replaced meanwhile")

    def abandon(self, log: LogRecord) -> None:
        """Forget the pending head of a peer's log, whose bundles can be fetched again; never of an own one."""
        assert log.kind in {LogKind.PEER_LIST, LogKind.PEER_RELEASES}, "an own pending head is never replaced"
        pending_root = None if log.pending is None else log.pending.root
        same = _AT_HEAD.where(_C.pending_root == pending_root)
        self._connection.execute(same, _at_head(log) | _NO_PENDING)

    def supersede(self, log: LogRecord) -> None:
        """Forget the pending head of an own log: others hold a longer one that this node signed, with all of it."""
        self._connection.execute(_AT_HEAD, _at_head(log) | _NO_PENDING)

    def confirm(self, log: LogRecord, *, checked_ms: int) -> None:
        """Note that `log.head` is still the newest; nothing happens when the head has moved on."""
        self._connection.execute(_AT_HEAD, _at_head(log) | {"checked_ms": checked_ms})

    def note_reopened(self, log: LogRecord) -> None:
        """Note that older events of it were opened."""
        self._connection.execute(update(_LOG).where(_C.id == log.id).values(reopened=_C.reopened + 1))

    def _swap(self, statement: Update, values: Mapping[str, Any], log: LogRecord, why: str) -> None:
        if self._connection.execute(statement, values).rowcount != 1:
            raise ConflictError("{origin}: {why}", log.origin, why, hint="run the command again")


def _at_head(log: LogRecord) -> dict[str, Any]:
    return {"number": log.id, "held_size": log.head.size, "held_root": log.head.root}


def _record(row: Row[Any]) -> LogRecord:
    pending = None
    if row.pending_size is not None:
        pending = Head(
            size=row.pending_size,
            root=row.pending_root,
            frontier=row.pending_frontier,
            time_ms=row.pending_time_ms,
        )
    return record(LogRecord, row, head=record(Head, row), pending=pending)
