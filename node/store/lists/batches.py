"""Batches of sealed objects by position: one class for waiting changes and for case data, which differ in the table."""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import Table, delete, insert, select

from node.store.lists.records import Batch
from node.store.tables import CaseBatch, PendingBatch, Rows, table, values_of


class BatchRows(Rows):
    """A batch table inside one transaction."""

    _table: ClassVar[Table]

    def add(self, log_id: int, batches: Sequence[Batch]) -> None:
        """Record batches whose objects are durable."""
        if batches:
            rows = [values_of(batch, log_id=log_id) for batch in batches]
            self._connection.execute(insert(self._table), rows)

    def ls(self, log_id: int, *, first: int, end: int | None = None) -> Sequence[Batch]:
        """Batches with a position from `first` on and before `end`, in order."""
        c = self._table.c
        query = select(self._table).where(c.log_id == log_id, c.first + c.count > first)
        if end is not None:
            query = query.where(c.first < end)
        return self._records(Batch, query.order_by(c.first))

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
