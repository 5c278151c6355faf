"""Data keys, and sealed values of all tables, inside one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Table, delete, func, inspect, select, update

from node.errors import AlreadyExistsError
from node.store.driver import owe_vacuum
from node.store.tables import DataKey, Rows, every_table, table, values_of

_KEY = table(DataKey)
_ALL: Final = select(_KEY).order_by(_KEY.c.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyRecord:
    """One data key, wrapped."""

    name: str
    """`index`, `tombstone`, or `seal-N`."""
    wrapped: bytes = field(repr=False)
    storage_key: str
    """Label of the storage key that wraps it."""
    made_ms: int
    """0: not known."""


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values, and the columns that name a row."""

    table: str
    keys: tuple[str, ...]
    column: str


Key = tuple[str | int | bytes, ...]
"""The values that name a row, in the order of `SealedColumn.keys`."""


def require_no_store(connection: Connection) -> None:
    """Check that no store is in the database; raises `AlreadyExistsError`.

    The keys are what makes a store: tables without them are a creation, move or restore that was cut off.
    """
    if not inspect(connection).has_table(_KEY.name):
        return
    if connection.execute(select(_KEY.c.name)).first() is not None:
        raise AlreadyExistsError(
            "there is another store at this address already",
            hint="give the node a database of its own, an empty one",
        )


class DataKeyRows(Rows):
    """The `data_key` table."""

    def ls(self) -> Sequence[DataKeyRecord]:
        """All, by name."""
        return self._records(DataKeyRecord, _ALL)

    def put(self, record: DataKeyRecord) -> None:
        """Add a key, or replace the one of its name."""
        self.drop(record.name)
        self._add(_KEY, values_of(record))

    def drop(self, name: str) -> None:
        """Remove a key that nothing is sealed with any more."""
        owe_vacuum(self._connection)
        self._connection.execute(delete(_KEY).where(_KEY.c.name == name))


class SealedCellRows(Rows):
    """Sealed columns of any table."""

    def older(self, column: SealedColumn, newest: bytes, limit: int) -> Sequence[tuple[Key, bytes]]:
        """Up to `limit` values that do not begin with `newest`, with the names of their rows."""
        of = _table(column)
        sealed = of.c[column.column]
        wanted = (
            select(*(of.c[key] for key in column.keys), sealed)
            .where(func.length(sealed) > 0, func.substr(sealed, 1, len(newest)) != newest)
            .limit(limit)
        )
        return [(tuple(row[:-1]), bytes(row[-1])) for row in self._connection.execute(wanted)]

    def exchange(self, column: SealedColumn, key: Key, old: bytes, new: bytes) -> None:
        """Replace a value, if it is still `old`."""
        of = _table(column)
        named = (of.c[name] == value for name, value in zip(column.keys, key, strict=True))
        sealed = of.c[column.column]
        self._connection.execute(update(of).where(*named, sealed == old).values({column.column: new}))


def _table(column: SealedColumn) -> Table:
    return every_table().tables[column.table]
