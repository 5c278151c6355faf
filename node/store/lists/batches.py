"""Batches of sealed objects by position: one class for waiting changes and for case data, which differ in the table."""

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Final

from sqlalchemy import Select, Table, bindparam, delete, select

from node.store.lists.records import Batch
from node.store.tables import CaseBatch, PendingBatch, Rows, table, values_of

_BEHIND_ALL: Final = 2**63 - 1
"""Position."""


class BatchRows(Rows):
    """A batch table inside one transaction."""

    _table: ClassVar[Table]

    def add(self, log_id: int, batches: Sequence[Batch]) -> None:
        """Record batches whose objects are durable."""
        self._add(self._table, [values_of(batch, log_id=log_id) for batch in batches])

    def ls(self, log_id: int, *, first: int, end: int = _BEHIND_ALL) -> Sequence[Batch]:
        """Batches with a position from `first` on and before `end`, in order."""
        return self._records(Batch, _between(self._table), log_id=log_id, first=first, end=end)

    def remove(self, log_id: int, *, end: int) -> Sequence[Batch]:
        """Forget the batches that lie wholly before `end`; returns them, for their objects to be deleted."""
        c = self._table.c
        gone = [batch for batch in self.ls(log_id, first=0, end=end) if batch.first + batch.count <= end]
        if gone:
            self._connection.execute(delete(self._table).where(c.log_id == log_id, c.first <= gone[-1].first))
        return gone


class PendingRows(BatchRows):
    """The `pending_batch` table."""

    _table = table(PendingBatch)


class CaseRows(BatchRows):
    """The `case_batch` table."""

    _table = table(CaseBatch)


@cache
def _between(rows: Table) -> Select[Any]:
    c = rows.c
    some = (c.first + c.count > bindparam("first"), c.first < bindparam("end"))
    return select(rows).where(c.log_id == bindparam("log_id"), *some).order_by(c.first)
