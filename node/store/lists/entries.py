"""The look-up index: rows of five integers, clustered by the key, moved in bulk and found by sorted IN-lists.

Rows are inserted in key order: a random order costs SQLite twice the time.
"""

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select

from node.store.driver import POSTGRESQL, insert_rows
from node.store.lists.records import IndexHit
from node.store.tables import EntryRow, Rows, table

if TYPE_CHECKING:
    from node.store.lists.columns import Collections, Keys, Positions

_C: Final = table(EntryRow).c
_COLUMNS: Final = (("key", "int8"), ("log_id", "int4"), ("position", "int8"), ("collection", "int4"))
_IN_LIST: Final = 1000
_INSERT: Final = 2**17
_FIND: Final = "SELECT key, log_id, position, collection, ended FROM entry_index WHERE key "


class EntryRows(Rows):
    """The `entry_index` table inside one transaction."""

    def add(self, log_id: int, *, keys: "Keys", positions: "Positions", collections: "Collections") -> None:
        """Insert one row for each digest; arrays of one length, in any order; a dispute's collection is negated."""
        import numpy as np  # noqa: PLC0415 - what looks nothing up starts without it

        order = np.argsort(keys, kind="stable")
        for at in range(0, len(order), _INSERT):
            part = order[at : at + _INSERT]
            columns = (keys[part].tolist(), positions[part].tolist(), collections[part].tolist())
            rows = zip(columns[0], repeat(log_id), columns[1], columns[2], strict=False)
            insert_rows(self._connection, "entry_index", _COLUMNS, rows)

    def find(self, keys: Sequence[int], *, log_id: int | None = None) -> Sequence[IndexHit]:
        """Every row with one of the keys, in one log or in all."""
        wanted = sorted(set(keys))
        hits: list[IndexHit] = []
        for at in range(0, len(wanted), _IN_LIST):
            hits += self._find_some(wanted[at : at + _IN_LIST])
        return hits if log_id is None else [hit for hit in hits if hit.log_id == log_id]

    def end(self, log_id: int, ended: Mapping[tuple[int, int], int]) -> None:
        """Mark rows by (key, position) as ended by a position."""
        if not ended:
            return
        mark = self._mark
        statement = (
            f"UPDATE entry_index SET ended = {mark}"  # noqa: S608 - nothing but placeholders
            f" WHERE key = {mark} AND log_id = {mark} AND position = {mark} AND ended IS NULL"
        )
        rows = [(by, key, log_id, position) for (key, position), by in ended.items()]
        self._connection.exec_driver_sql(statement, rows)

    def remove(self, log_id: int, rows: Sequence[tuple[int, int]]) -> None:
        """Delete rows by (key, position)."""
        for key, position in rows:
            gone = _C.key == key, _C.log_id == log_id, _C.position == position
            self._connection.execute(delete(table(EntryRow)).where(*gone))

    def count(self, log_id: int) -> Mapping[int, int]:
        """Active entries by collection."""
        active = _C.log_id == log_id, _C.ended.is_(None), _C.collection > 0
        query = select(_C.collection, func.count()).where(*active)
        return {row[0]: row[1] for row in self._connection.execute(query.group_by(_C.collection))}

    def counts(self) -> Mapping[int, Mapping[int, int]]:
        """Active entries by collection, of every log that has some."""
        query = select(_C.log_id, _C.collection, func.count()).where(_C.ended.is_(None), _C.collection > 0)
        found: dict[int, dict[int, int]] = {}
        for log_id, collection, count in self._connection.execute(query.group_by(_C.log_id, _C.collection)):
            found.setdefault(log_id, {})[collection] = count
        return found

    def _find_some(self, keys: list[int]) -> list[IndexHit]:
        if self._connection.dialect.name == POSTGRESQL:
            rows = self._connection.exec_driver_sql(_FIND + "= ANY(%s)", (keys,))
        else:
            marks = ",".join("?" * len(keys))
            rows = self._connection.exec_driver_sql(f"{_FIND} IN ({marks})", tuple(keys))
        return [IndexHit(*row) for row in rows.all()]
