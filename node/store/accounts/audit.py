"""Audit records on their way into the signed log, inside one transaction."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, bindparam, delete, select, update
from sqlmodel import Field

from node.store.tables import Rows, TableModel, table


class AuditRow(TableModel):
    """An audit record before it is in the signed log."""

    __tablename__ = "audit_queue"

    id: int | None = Field(default=None, primary_key=True)
    record: bytes
    position: int | None = Field(default=None, sa_type=BigInteger)


_TABLE = table(AuditRow)
_C = _TABLE.c
_OLDEST: Final = (
    select(_C.id, _C.record).where(_C.position.is_(None)).order_by(_C.id).limit(bindparam("most"))
)
_PLACE: Final = update(_TABLE).where(_C.id == bindparam("number"))


class AuditQueueRows(Rows):
    """The `audit_queue` table."""

    def add(self, record: bytes) -> None:
        """Queue an encoded record."""
        self._add(_TABLE, {"record": record})

    def place(self, first: int, *, most: int) -> Sequence[bytes]:
        """Give the oldest records that have no place yet the positions from `first` on, and return them."""
        rows = self._connection.execute(_OLDEST, {"most": most}).all()
        for position, row in enumerate(rows, first):
            self._connection.execute(_PLACE, {"number": row.id, "position": position})
        return [bytes(row.record) for row in rows]

    def placed(self, first: int, end: int) -> Sequence[bytes]:
        """The records at the positions from `first` up to `end`, in order."""
        wanted = select(_C.record).where(_C.position >= first, _C.position < end).order_by(_C.position)
        return [bytes(row.record) for row in self._connection.execute(wanted)]

    def remove(self, end: int) -> None:
        """Forget the records at positions below `end`: they are in the log."""
        self._connection.execute(delete(_TABLE).where(_C.position < end))

    def count(self) -> int:
        """How many records wait to be signed."""
        return self._count_of(_TABLE)
