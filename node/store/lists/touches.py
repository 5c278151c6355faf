"""Which events a judgement of some digests needs beside their entries: found by what they are about, or by their reach.

A row too many costs a look at its event; one too few changes what is judged. So the reach of a row never falls.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from sqlalchemy import ColumnElement, select, update

from node.store.lists.records import Reach, Touch
from node.store.tables import Log, Rows, TouchRow, table
from protocol.slices import slices

_LOG: Final = table(Log)
_TOUCH: Final = table(TouchRow)
_C: Final = _TOUCH.c
_IN_LIST: Final = 1000


class TouchRows(Rows):
    """The `touch` table inside one transaction."""

    def put(self, log_id: int, touches: Iterable[Touch]) -> None:
        """Record; what is recorded already keeps the farther reach."""
        rows = [(log_id, *touch) for touch in touches]
        if not rows:
            return
        marks = ", ".join([self._mark] * 5)
        statement = (
            f"INSERT INTO touch (log_id, ref, position, op, reach) VALUES ({marks})"  # noqa: S608 - only placeholders
            " ON CONFLICT (log_id, ref, position) DO UPDATE SET reach = excluded.reach"
            " WHERE excluded.reach > touch.reach"
        )
        self._connection.exec_driver_sql(statement, rows)

    def advance(self, log_id: int, *, first: int, end: int) -> None:
        """Note that all events up to `end` are recorded, if those before `first` are."""
        c = _LOG.c
        self._connection.execute(update(_LOG).where(c.id == log_id, c.touched == first).values(touched=end))

    def restart(self, log_id: int) -> None:
        """Note that rows may be missing: all events are to be read again."""
        self._connection.execute(update(_LOG).where(_LOG.c.id == log_id).values(touched=0))

    def about(self, log_id: int, refs: Iterable[int]) -> list[Touch]:
        """Whatever is about the events at these positions, in its order."""
        parts = slices(sorted(set(refs)), _IN_LIST)
        found = (touch for part in parts for touch in self._select(log_id, _C.ref.in_(part)))
        return sorted(found, key=attrgetter("position"))

    def reaching(self, log_id: int, reach: Reach) -> list[Touch]:
        """All of a list with this reach."""
        return self._select(log_id, _C.reach == reach)

    def _select(self, log_id: int, which: ColumnElement[bool]) -> list[Touch]:
        query = select(_C.ref, _C.position, _C.op, _C.reach).where(_C.log_id == log_id, which)
        rows = self._connection.execute(query)
        return [Touch(ref, position, op, Reach(reach)) for ref, position, op, reach in rows]
