"""The catalogue of logs. Each change of a head is one conditional UPDATE: whoever loses the race is told."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Update, bindparam, case, select, update

from node.errors import AlreadyExistsError, ConflictError, NotFoundError
from node.store.lists.records import Head, LogKind, LogRecord
from node.store.tables import Log, Rows, record, table
from protocol.tlog.merkle import EMPTY_ROOT, CompactRange

_LOG = table(Log)
_C = _LOG.c
_BY_ORIGIN: Final = select(_LOG).where(_C.origin == bindparam("origin"))
_BY_KIND: Final = select(_LOG).where(_C.kind.in_(bindparam("kinds", expanding=True))).order_by(_C.origin)
_NO_PENDING: Final = {
    "pending_size": None,
    "pending_root": None,
    "pending_frontier": None,
    "pending_time_ms": None,
    "pending_note": None,
}


class LogRows(Rows):
    """The `log` table inside one transaction."""

    def create(self, *, origin: str, kind: LogKind, node: str, name: str) -> LogRecord:
        """Add a log of size 0; raises `AlreadyExistsError`."""
        row = {
            "origin": origin,
            "kind": kind.value,
            "node": node,
            "name": name,
            "size": 0,
            "root": EMPTY_ROOT,
            "frontier": CompactRange().to_bytes(),
            "time_ms": 0,
            "tail": 0,
            "checked_ms": 0,
            "reopened": 0,
        }
        self._insert(_LOG, row, AlreadyExistsError("{origin} exists already", origin))
        return self.get(origin)

    def get(self, origin: str) -> LogRecord:
        """The log of `origin`; raises `NotFoundError`."""
        found = self.find(origin)
        if found is None:
            what = "list" if "/lists/" in origin else "log"
            raise NotFoundError(
                "there is no {what} {origin}", what, origin, hint="see them with: sigfed list ls"
            )
        return found

    def find(self, origin: str) -> LogRecord | None:
        """The log of `origin`, if there is one."""
        row = self._connection.execute(_BY_ORIGIN, {"origin": origin}).one_or_none()
        return None if row is None else _record(row)

    def ls(self, *kinds: LogKind) -> Sequence[LogRecord]:
        """All logs of these kinds, by origin."""
        wanted = [kind.value for kind in kinds]
        return [_record(row) for row in self._connection.execute(_BY_KIND, {"kinds": wanted})]

    def reserve(self, log: LogRecord, count: int) -> None:
        """Take `count` positions from `log.tail` on; raises `ConflictError` when others took some meanwhile."""
        claim = update(_LOG).where(_C.id == log.id, _C.tail == log.tail).values(tail=log.tail + count)
        self._swap(claim, log, "changes were added to it meanwhile")

    def lock(self, log: LogRecord) -> None:
        """Nobody else claims or settles a head of the log until this transaction, which is one that writes, ends."""
        self._connection.execute(select(_C.id).where(_C.id == log.id).with_for_update())

    def claim(self, log: LogRecord, head: Head, *, note: bytes | None) -> None:
        """Set the pending head; raises `ConflictError` unless the log stands where `log` says, with none pending."""
        self._swap(
            _at_head(log)
            .where(_C.pending_size.is_(None))
            .values(
                pending_size=head.size,
                pending_root=head.root,
                pending_frontier=head.frontier,
                pending_time_ms=head.time_ms,
                pending_note=note,
            ),
            log,
            "another head was committed meanwhile",
        )

    def settle(self, log: LogRecord, *, note: bytes, checked_ms: int) -> None:
        """Make the pending head the head; raises `ConflictError` unless it is still that of `log`."""
        pending = log.pending
        assert pending is not None, "only a pending head can be settled"
        self._swap(
            _at_head(log)
            .where(_C.pending_size == pending.size, _C.pending_root == pending.root)
            .values(
                size=pending.size,
                root=pending.root,
                frontier=pending.frontier,
                time_ms=pending.time_ms,
                note=note,
                **_NO_PENDING,
                tail=case((_C.tail < pending.size, pending.size), else_=_C.tail),
                checked_ms=checked_ms,
            ),
            log,
            "its pending head was published meanwhile",
        )

    def cosign(self, log: LogRecord, note: bytes) -> None:
        """Replace the note by one of the same head with other cosignatures.

        Raises `ConflictError` unless head and note are still those of `log`.
        """
        self._swap(
            _at_head(log).where(_C.note == log.note).values(note=note), log, "its note was replaced meanwhile"
        )

    def abandon(self, log: LogRecord) -> None:
        """Forget the pending head of a peer's log, whose bundles can be fetched again; never of an own one."""
        assert log.kind in {LogKind.PEER_LIST, LogKind.PEER_RELEASES}, "an own pending head is never replaced"
        pending_root = None if log.pending is None else log.pending.root
        self._connection.execute(_at_head(log).where(_C.pending_root == pending_root).values(**_NO_PENDING))

    def supersede(self, log: LogRecord) -> None:
        """Forget the pending head of an own log: others hold a longer one that this node signed, with all of it."""
        self._connection.execute(_at_head(log).values(**_NO_PENDING))

    def confirm(self, log: LogRecord, *, checked_ms: int) -> None:
        """Note that `log.head` is still the newest; nothing happens when the head has moved on."""
        self._connection.execute(_at_head(log).values(checked_ms=checked_ms))

    def note_reopened(self, log: LogRecord) -> None:
        """Note that older events of it were opened."""
        self._connection.execute(update(_LOG).where(_C.id == log.id).values(reopened=_C.reopened + 1))

    def _swap(self, statement: Update, log: LogRecord, why: str) -> None:
        if self._connection.execute(statement).rowcount != 1:
            raise ConflictError("{origin}: {why}", log.origin, why, hint="run the command again")


def _at_head(log: LogRecord) -> Update:
    return update(_LOG).where(_C.id == log.id, _C.size == log.head.size, _C.root == log.head.root)


def _record(row: Row[Any]) -> LogRecord:
    pending = None
    if row.pending_size is not None:
        pending = Head(
            size=row.pending_size,
            root=bytes(row.pending_root),
            frontier=bytes(row.pending_frontier),
            time_ms=row.pending_time_ms,
        )
    return record(
        LogRecord,
        row,
        head=Head(size=row.size, root=bytes(row.root), frontier=bytes(row.frontier), time_ms=row.time_ms),
        pending=pending,
    )
