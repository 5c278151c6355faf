"""Which events a judgement of some digests needs beside their entries: found by what they are about, or by their reach.

A row too many costs a look at its event; one too few changes what is judged. So the reach of a row never falls.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Select, bindparam, select, update

from node.store.lists.records import Reach, Touch
from node.store.tables import Log, Rows, TouchRow, table
from protocol.slices import slices

_LOG: Final = table(Log)
_TOUCH: Final = table(TouchRow)
_C: Final = _TOUCH.c
_ADVANCE: Final = (
    update(_LOG)
    .where(_LOG.c.id == bindparam("log_id"), _LOG.c.touched == bindparam("first"))
    .values(touched=bindparam("end"))
)
_OF_LOG: Final = select(_C.ref, _C.position, _C.op, _C.reach).where(_C.log_id == bindparam("log_id"))
_ABOUT: Final = _OF_LOG.where(_C.ref.in_(bindparam("refs", expanding=True)))
_REACHING: Final = _OF_LOG.where(_C.reach == bindparam("reach"))
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
        self._connection.execute(_ADVANCE, {"log_id": log_id, "first": first, "end": end})

    def restart(self, log_id: int) -> None:
        """Note that rows may be missing: all events are to be read again."""
        self._connection.execute(update(_LOG).where(_LOG.c.id == log_id).values(touched=0))

    def about(self, log_id: int, refs: Iterable[int]) -> list[Touch]:
        """Whatever is about the events at these positions, in its order."""
        parts = slices(sorted(set(refs)), _IN_LIST)
        found = (touch for part in parts for touch in self._touches(_ABOUT, log_id=log_id, refs=part))
        return sorted(found, key=attrgetter("position"))

    def reaching(self, log_id: int, reach: Reach) -> list[Touch]:
        """All of a list with this reach."""
        return self._touches(_REACHING, log_id=log_id, reach=reach)

    def _touches(self, wanted: Select[Any], **given: object) -> list[Touch]:
        rows = self._connection.execute(wanted, given)
        return [Touch(ref, position, op, Reach(reach)) for ref, position, op, reach in rows]
