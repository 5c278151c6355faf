"""The look-up index: rows of five integers, clustered by the key, moved in bulk and found by sorted IN-lists.

Rows are inserted in key order: a random order costs SQLite twice the time. How many entries of a list are active is
counted as they come and end; those of an older version are counted once, some at a time, in the order of their keys.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, delete, func, select, update

from node.store.driver import POSTGRESQL, insert_rows, owe_vacuum
from node.store.lists.records import IndexHit
from node.store.tables import EntryCountedRow, EntryCountRow, EntryRow, Rows, table
from protocol.slices import slices

if TYPE_CHECKING:
    from node.store.lists.columns import Collections, Keys, Listed, Positions

_C: Final = table(EntryRow).c
_COUNT, _COUNTED = table(EntryCountRow), table(EntryCountedRow)
_COUNTS: Final = select(_COUNT).where(_COUNT.c.entries > 0)
_UP_TO: Final = select(_COUNTED.c.key)
_UP_TO_STILL: Final = _UP_TO.with_for_update(read=True)
_ACTIVE: Final = (
    select(_C.log_id, _C.collection, func.count())
    .where(_C.ended.is_(None), _C.collection > 0)
    .group_by(_C.log_id, _C.collection)
)
_FIRST, _LAST = 1 - 2**63, 2**63 - 1
"""Look-up keys, and as low as the migration says."""
_COLUMNS: Final = (("key", "int8"), ("log_id", "int4"), ("position", "int8"), ("collection", "int4"))
_IN_LIST: Final = 1000
_INSERT: Final = 2**17
_FIND: Final = "SELECT key, log_id, position, collection, ended FROM entry_index WHERE key {}"
_STANDING: Final = (
    "SELECT log_id, position, key FROM entry_index WHERE key {} AND ended IS NULL AND collection > 0"
)


class EntryRows(Rows):
    """The `entry_index` table inside one transaction."""

    def add(self, log_id: int, *, keys: "Keys", positions: "Positions", collections: "Collections") -> None:
        """Insert one row for each digest; arrays of one length, in any order; a dispute's collection is negated."""
        import numpy as np  # noqa: PLC0415 - what looks nothing up starts without it

        order = np.argsort(keys, kind="stable")
        for part in slices(order, _INSERT):
            columns = (keys[part].tolist(), positions[part].tolist(), collections[part].tolist())
            rows = zip(columns[0], repeat(log_id), columns[1], columns[2], strict=False)
            insert_rows(self._connection, "entry_index", _COLUMNS, rows)
        counted = (collections > 0) & (keys <= self._counted())
        found, counts = np.unique(collections[counted], return_counts=True)
        self._count(log_id, dict(zip(found.tolist(), counts.tolist(), strict=True)))

    def find(self, keys: Sequence[int], *, log_id: int | None = None) -> Sequence[IndexHit]:
        """Every row with one of the keys, in one log or in all."""
        parts = slices(sorted(set(keys)), _IN_LIST)
        hits = [IndexHit(*row) for part in parts for row in self._rows_of(_FIND, part)]
        return hits if log_id is None else [hit for hit in hits if hit.log_id == log_id]

    def standing(self, keys: "Keys") -> "Listed":
        """Of every entry with one of the keys, each once, in any list, that nothing ended."""
        import numpy as np  # noqa: PLC0415 - what looks nothing up starts without it

        from node.store.lists.columns import LISTED  # noqa: PLC0415 - the same

        parts = slices(keys, _IN_LIST)
        found = [np.array(self._rows_of(_STANDING, part.tolist()), dtype=LISTED) for part in parts]
        return np.concatenate([np.empty(0, dtype=LISTED), *found])

    def end(self, log_id: int, ended: Mapping[tuple[int, int], int]) -> None:
        """Mark rows by (key, position) as ended by a position."""
        if not ended:
            return
        self._uncount(log_id, ended)
        mark = self._mark
        statement = (
            f"UPDATE entry_index SET ended = {mark}"  # noqa: S608 - nothing but placeholders
            f" WHERE key = {mark} AND log_id = {mark} AND position = {mark} AND ended IS NULL"
        )
        rows = [(by, key, log_id, position) for (key, position), by in ended.items()]
        self._connection.exec_driver_sql(statement, rows)

    def remove(self, log_id: int, rows: Sequence[tuple[int, int]]) -> None:
        """Delete rows by (key, position)."""
        self._uncount(log_id, rows)
        if rows:
            owe_vacuum(self._connection)
        for key, position in rows:
            gone = _C.key == key, _C.log_id == log_id, _C.position == position
            self._connection.execute(delete(table(EntryRow)).where(*gone))

    def count(self, log_id: int) -> Mapping[int, int]:
        """Active entries by collection, as `counts`."""
        return self.counts().get(log_id, {})

    def counts(self) -> Mapping[int, Mapping[int, int]]:
        """Active entries by collection, of every log that has some; by a look at every row until all are counted."""
        if not self.is_counted:
            return self.scan()
        found: dict[int, dict[int, int]] = {}
        for log_id, collection, entries in self._connection.execute(_COUNTS):
            found.setdefault(log_id, {})[collection] = entries
        return found

    @property
    def is_counted(self) -> bool:
        """Whether all rows are counted."""
        return self._connection.execute(_UP_TO).first() is None

    def count_on(self) -> None:
        """Count some more rows that an older version wrote; nobody else writes any meanwhile."""
        last = self._connection.scalar(_UP_TO.with_for_update())
        if last is None:
            return
        following = select(_C.key).where(_C.key > last).order_by(_C.key).offset(_INSERT).limit(1)
        end = self._connection.scalar(following)
        which = _C.key.between(last + 1, _LAST if end is None else end)
        for log_id, active in self.scan(which).items():
            self._count(log_id, active)
        more = delete(_COUNTED) if end is None else update(_COUNTED).values(key=end)
        self._connection.execute(more)

    def recount(self) -> None:
        """Count all rows anew, with `count_on`."""
        for each in (_COUNT, _COUNTED):
            self._connection.execute(delete(each))
        self._add(_COUNTED, {"key": _FIRST})

    def scan(self, *which: ColumnElement[bool]) -> Mapping[int, Mapping[int, int]]:
        """What `counts` has to say of all rows, or of these, by a look at each."""
        found: dict[int, dict[int, int]] = {}
        for log_id, collection, count in self._connection.execute(_ACTIVE.where(*which)):
            found.setdefault(log_id, {})[collection] = count
        return found

    def _counted(self) -> int:
        """Up to which key rows are counted; it stays so to the end of this transaction."""
        key: int | None = self._connection.scalar(_UP_TO_STILL)
        return _LAST if key is None else key

    def _uncount(self, log_id: int, rows: Collection[tuple[int, int]]) -> None:
        """Before these rows, by key and position, end or go."""
        last, gone = self._counted(), frozenset(rows)
        active: dict[int, int] = {}
        for hit in self.find([key for key, _ in gone if key <= last], log_id=log_id):
            if hit.collection > 0 and hit.ended is None and (hit.key, hit.position) in gone:
                active[hit.collection] = active.get(hit.collection, 0) - 1
        self._count(log_id, active)

    def _count(self, log_id: int, more: Mapping[int, int]) -> None:
        if not more:
            return
        marks = ", ".join([self._mark] * 3)
        self._connection.exec_driver_sql(
            f"INSERT INTO entry_count (log_id, collection, entries) VALUES ({marks})"  # noqa: S608 - only placeholders
            " ON CONFLICT (log_id, collection) DO UPDATE SET entries = entry_count.entries + excluded.entries",
            [(log_id, collection, entries) for collection, entries in sorted(more.items())],
        )

    def _rows_of(self, query: str, keys: list[int]) -> list[tuple[int, ...]]:
        """Rows of a query, which asks for some keys, as the driver gives them: objects of SQLAlchemy take longer."""
        if self._connection.dialect.name == POSTGRESQL:
            found = self._connection.exec_driver_sql(query.format("= ANY(%s)"), (keys,))
        else:
            marks = ",".join("?" * len(keys))
            found = self._connection.exec_driver_sql(query.format(f"IN ({marks})"), tuple(keys))
        return list(found.cursor.fetchall())
