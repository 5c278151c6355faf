"""Records of the guards, and how much each pull brought."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, func, select, update

from keys.message import pack, unpack
from node.errors import NotFoundError
from node.store.lists.records import Intake, Quarantined
from node.store.tables import IntakeRow, Log, QuarantineRow, Rows, record, table, values_of

_QUARANTINE = table(QuarantineRow)
_INTAKE = table(IntakeRow)
_LOG = table(Log)
_LONGEST = 255
"""Characters of a reason as it is kept."""
_OPEN: Final = select(_QUARANTINE).where(_QUARANTINE.c.released_ms.is_(None)).order_by(_QUARANTINE.c.id)
_OPEN_OF_LOG: Final = _OPEN.where(_QUARANTINE.c.log_id == bindparam("log_id"))
_BROUGHT: Final = (
    select(
        func.coalesce(func.min(_INTAKE.c.received_ms), 0),
        *(
            func.coalesce(func.sum(column), 0)
            for column in (_INTAKE.c.adds, _INTAKE.c.withdrawals, _INTAKE.c.disputes)
        ),
    )
    .join_from(_INTAKE, _LOG)
    .where(_LOG.c.node == bindparam("node"), _INTAKE.c.received_ms >= bindparam("since_ms"))
)


def quarantined(record: Quarantined) -> dict[str, Any]:
    """The row of what is set aside anew."""
    return values_of(record, "id", reason=pack(record.reason, _LONGEST))


class QuarantineRows(Rows):
    """The `quarantine` and `intake` tables inside one transaction."""

    def add(self, records: Sequence[Quarantined]) -> None:
        """Set aside."""
        self._add(_QUARANTINE, list(map(quarantined, records)))

    def ls(self, log_id: int | None = None) -> Sequence[Quarantined]:
        """What is set aside and not released, oldest first."""
        query = _OPEN if log_id is None else _OPEN_OF_LOG
        return self._records(_record, query, log_id=log_id)

    def get(self, record_id: int) -> Quarantined:
        """One record, released or not; raises `NotFoundError`."""
        return self._one(record_id, select(_QUARANTINE))

    def lock(self, record_id: int) -> Quarantined:
        """As `get`, and nobody else releases it until this transaction, which is one that writes, ends."""
        return self._one(record_id, select(_QUARANTINE).with_for_update())

    def _one(self, record_id: int, query: Select[Any]) -> Quarantined:
        missing = NotFoundError(
            "nothing is quarantined under number {number}",
            record_id,
            hint="see all with: sigfed quarantine ls",
        )
        return self._get(_record, query.where(_QUARANTINE.c.id == record_id), missing)

    def newest(self, log_id: int, kind: str, first: int) -> Quarantined | None:
        """The last record of a kind about a position, released or not; None when there is none."""
        c = _QUARANTINE.c
        these = (c.log_id == log_id, c.kind == kind, c.first == first)
        return self._find(_record, select(_QUARANTINE).where(*these).order_by(c.id.desc()).limit(1))

    def release(self, record_id: int, *, now_ms: int) -> None:
        """An operator looked at it; raises `NotFoundError`."""
        c = _QUARANTINE.c
        release = update(_QUARANTINE).where(c.id == record_id, c.released_ms.is_(None))
        if self._connection.execute(release.values(released_ms=now_ms)).rowcount != 1:
            raise NotFoundError("nothing is quarantined under number {number}", record_id)

    def note_intake(self, log_id: int, intake: Intake) -> None:
        """Record what a pull brought, or a publication gave out."""
        self._add(_INTAKE, values_of(intake, log_id=log_id))

    def intake_since(self, node: str, *, since_ms: int) -> Intake:
        """What all lists of a node brought from `since_ms` on, together; `received_ms` is the first time, or 0."""
        row = self._connection.execute(_BROUGHT, {"node": node, "since_ms": since_ms}).one()
        return Intake(
            received_ms=int(row[0]), adds=int(row[1]), withdrawals=int(row[2]), disputes=int(row[3])
        )


def _record(row: Row[Any]) -> Quarantined:
    return record(Quarantined, row, reason=unpack(row.reason))
