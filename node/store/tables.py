"""The tables that nearly every command reads, and what a table, its rows and its records have in common.

Each table is declared once, most of them beside their rows: to load one takes a millisecond. Rows never leave
`node.store`.

A digest appears in no column: `entry_index` has keyed hashes, and what holds digests is sealed in the object store.
Times are milliseconds since 1970, UTC. Column types are those that SQLite and PostgreSQL share. docs/reference/store.md
describes each table; the migrations create them, so a change here needs one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnClause,
    ColumnElement,
    Connection,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    Table,
    TextClause,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel
from sqlmodel.main import get_column_from_field

from node.store.driver import POSTGRESQL

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R")
Reader: TypeAlias = Callable[[Row[Any]], R]
"""What makes a record of a row whose columns are not its fields."""
DAY: "Final[ColumnClause[int]]" = literal_column("86400000", BigInteger())
"""Milliseconds of a day. A literal: PostgreSQL takes two parameters in SELECT and GROUP BY for two expressions."""


def _big(*, default: int | None = None) -> "Column[int]":
    return Column(BigInteger, nullable=False, server_default=None if default is None else str(default))


def key_part(kind: type[Integer] = BigInteger) -> "Column[int]":
    """A number of a key that comes with the row; an `Integer` is a log's, or a collection's."""
    return Column(kind, primary_key=True, autoincrement=False)


NUMBERED: Final = {"sqlite_autoincrement": True}
"""A table in which people name a row by its number: no other gets it once that is gone."""


class TableModel(SQLModel):
    """A table as it is declared: no `table=True` one, since rows are never made into objects.

    Mapping the classes, and building validators that nobody calls, took a tenth of a second of every command.
    """

    model_config = {"defer_build": True}


class Log(TableModel):
    """A log this node writes or follows, with its head and, while one is being published, its pending head."""

    __tablename__ = "log"

    id: int | None = Field(default=None, primary_key=True)
    origin: str = Field(max_length=255, unique=True)
    kind: str = Field(max_length=16)
    node: str = Field(max_length=255)
    name: str = Field(max_length=255)
    size: int = Field(sa_column=_big())
    root: bytes
    frontier: bytes
    time_ms: int = Field(sa_column=_big())
    note: bytes | None = None
    pending_size: int | None = Field(default=None, sa_type=BigInteger)
    pending_root: bytes | None = None
    pending_frontier: bytes | None = None
    pending_time_ms: int | None = Field(default=None, sa_type=BigInteger)
    pending_note: bytes | None = None
    tail: int = Field(sa_column=_big())
    checked_ms: int = Field(sa_column=_big())
    reopened: int = Field(sa_column=_big())
    touched: int = Field(sa_column=_big(default=0))


class PendingBatch(TableModel):
    """Changes waiting for publication; the object is sealed."""

    __tablename__ = "pending_batch"

    log_id: int = Field(foreign_key="log.id", primary_key=True)
    first: int = Field(sa_type=BigInteger, primary_key=True)
    count: int
    object: str = Field(max_length=255)


class CaseBatch(TableModel):
    """Case data and source ids of own entries; the object is sealed and its content enters no log."""

    __tablename__ = "case_batch"

    log_id: int = Field(foreign_key="log.id", primary_key=True)
    first: int = Field(sa_type=BigInteger, primary_key=True)
    count: int
    object: str = Field(max_length=255)


class EntryRow(TableModel):
    """One add or dispute by the keyed hash of its digest; clustered by the key, written in bulk by the driver."""

    __tablename__ = "entry_index"
    __table_args__ = {"sqlite_with_rowid": False}

    key: int = Field(sa_column=key_part())
    log_id: int = Field(sa_column=key_part(Integer))
    """No foreign key: logs are never deleted, and checking it would cost each row of an import."""
    position: int = Field(sa_column=key_part())
    collection: int
    ended: int | None = Field(default=None, sa_type=BigInteger)


class EntryCountRow(TableModel):
    """How many entries of a list are active in a collection, as far as they are counted."""

    __tablename__ = "entry_count"
    __table_args__ = {"sqlite_with_rowid": False}

    log_id: int = Field(sa_column=key_part(Integer))
    collection: int = Field(sa_column=key_part(Integer))
    entries: int = Field(sa_type=BigInteger)


class EntryCountedRow(TableModel):
    """Up to which look-up key the rows of the index are counted: one row, or none when all are."""

    __tablename__ = "entry_counted"

    key: int = Field(sa_column=key_part())


class TouchRow(TableModel):
    """One event that a judgement of others needs, by the event that it is about; clustered by that."""

    __tablename__ = "touch"
    __table_args__ = (Index("ix_touch_reach", "log_id", "reach"), {"sqlite_with_rowid": False})

    log_id: int = Field(sa_column=key_part(Integer))
    ref: int = Field(sa_column=key_part())
    position: int = Field(sa_column=key_part())
    op: int
    reach: int


class FileRunRow(TableModel):
    """Neighbouring adds with one content id, by a keyed hash of that; clustered by it."""

    __tablename__ = "file_run"
    __table_args__ = {"sqlite_with_rowid": False}

    log_id: int = Field(sa_column=key_part(Integer))
    file: int = Field(sa_column=key_part())
    first: int = Field(sa_column=key_part())
    last: int = Field(sa_type=BigInteger)


class QuarantineRow(TableModel):
    """Something a guard set aside until a person has looked at it."""

    __tablename__ = "quarantine"

    id: int | None = Field(default=None, primary_key=True)
    log_id: int = Field(foreign_key="log.id", index=True)
    kind: str = Field(max_length=16)
    first: int = Field(sa_column=_big())
    last: int = Field(sa_column=_big())
    reason: str = Field(max_length=255)
    created_ms: int = Field(sa_column=_big())
    released_ms: int | None = Field(default=None, sa_type=BigInteger)


class IntakeRow(TableModel):
    """How much one pull brought, for the guards that count by the day."""

    __tablename__ = "intake"
    __table_args__ = (Index("ix_intake_log_received", "log_id", "received_ms"),)

    id: int | None = Field(default=None, primary_key=True)
    log_id: int = Field(foreign_key="log.id")
    received_ms: int = Field(sa_column=_big())
    adds: int
    withdrawals: int
    disputes: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))


class Peer(TableModel):
    """An agency this node knows."""

    __tablename__ = "peer"

    name: str = Field(max_length=255, primary_key=True)
    url: str = Field(max_length=2048)
    serial: int = Field(sa_column=_big())
    grant_json: str
    added_ms: int = Field(sa_column=_big())
    confirmed_ms: int = Field(sa_column=_big(default=0))
    synced_ms: int = Field(sa_column=_big(default=0))
    outcome: str = ""


class PeerFile(TableModel):
    """A signed trust file of a peer as received: a version of its root, metadata, or a target file."""

    __tablename__ = "peer_file"

    peer: str = Field(max_length=255, primary_key=True)
    name: str = Field(max_length=255, primary_key=True)
    content: bytes


class DataKey(TableModel):
    """A data key, wrapped with a storage key."""

    __tablename__ = "data_key"

    name: str = Field(max_length=32, primary_key=True)
    wrapped: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    storage_key: str = Field(max_length=64, default="1")
    made_ms: int = Field(sa_column=_big(default=0))


class Lease(TableModel):
    """Whose this database is; see `node.store.lease`."""

    __tablename__ = "lease"

    name: str = Field(max_length=32, primary_key=True)
    holder: str = Field(max_length=64)
    place: str
    term: int = Field(sa_column=_big())
    until_ms: int = Field(sa_column=_big())


class HomeCopy(TableModel):
    """Trust files and key ring of the home, for processes on other machines; see `node.store.home_copy`."""

    __tablename__ = "home_copy"

    name: str = Field(max_length=32, primary_key=True)
    number: int = Field(sa_column=_big())
    sealed: bytes


class Rows:
    """The rows of a noun inside one transaction.

    What is asked often is a statement that its module has made: making one costs SQLAlchemy several times what asking
    costs.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _mark(self) -> str:
        """What stands for a value in a statement that goes to the driver as it is."""
        return "%s" if self._connection.dialect.name == POSTGRESQL else "?"

    def _find(self, kind: type[R] | Reader[R], wanted: Select[Any], **given: object) -> R | None:
        """The record of the one row that is wanted; None: there is none."""
        row = self._connection.execute(wanted, given).one_or_none()
        return None if row is None else _read(kind, row)

    def _get(self, kind: type[R] | Reader[R], wanted: Select[Any], missing: Exception, **given: object) -> R:
        """The record of the one row that is wanted; raises `missing` where there is none."""
        found = self._find(kind, wanted, **given)
        if found is None:
            raise missing
        return found

    def _add(self, rows: Table, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Add a row, or several; of none nothing comes."""
        if values:
            self._connection.execute(_adding(rows), values)

    def _insert(self, rows: Table, values: Mapping[str, Any], taken: Exception) -> None:
        """Add a row; raises `taken` where there is one of its key, or of another value that no two have."""
        try:
            self._add(rows, values)
        except IntegrityError:
            raise taken from None

    def _put(self, rows: Table, values: Mapping[str, Any], *, replace: bool = True) -> None:
        """Add a row in place of the one of its key, which another transaction may be adding; else the older stays."""
        self._connection.execute(_putting(rows, tuple(values), replace=replace), dict(values))

    def _records(self, kind: type[R] | Reader[R], wanted: Select[Any], **given: object) -> list[R]:
        """The records of all rows that are wanted."""
        return [_read(kind, row) for row in self._connection.execute(wanted, given)]

    def _count_of(self, rows: Table, *conditions: ColumnElement[bool]) -> int:
        """How many rows meet all conditions."""
        wanted = select(func.count()).select_from(rows).where(*conditions)
        return int(self._connection.execute(wanted).scalar_one())


@cache
def _adding(rows: Table) -> Insert:
    return insert(rows)


@cache
def _putting(rows: Table, names: tuple[str, ...], *, replace: bool) -> TextClause:
    key = [column.name for column in rows.primary_key]
    new = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    return text(
        f"INSERT INTO {rows.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608
        f" ON CONFLICT ({', '.join(key)}) DO {f'UPDATE SET {new}' if replace else 'NOTHING'}"
    )


@cache
def table(model: type[TableModel]) -> Table:
    """The Core table of a model, made when it is first asked for: statements are built from it."""
    said = getattr(model, "__table_args__", ())
    items: list[Any] = [said] if isinstance(said, dict) else list(said)
    options = items.pop() if items and isinstance(items[-1], dict) else {}
    columns = [_column(name, get_column_from_field(field)) for name, field in model.model_fields.items()]
    return Table(str(model.__tablename__), SQLModel.metadata, *columns, *items, **options)


def _column(name: str, column: "Column[Any]") -> "Column[Any]":
    column.name = column.key = name
    return column


def _read(kind: type[R] | Reader[R], row: Row[Any]) -> R:
    return record(kind, row) if isinstance(kind, type) else kind(row)


def record(kind: type[R], row: Row[Any], /, **others: Any) -> R:
    """A row as other packages see it: each field from the column of its name, but for `others`."""
    for name, made in _fields(cast("type[DataclassInstance]", kind)):
        if name not in others:
            value = getattr(row, name)
            others[name] = value if made is None else made(value)
    return kind(**others)


def values_of(record: object, /, *without: str, **others: Any) -> dict[str, Any]:
    """The row of a record: a column of each field's name, but `without` some, and `others`."""
    for name, _ in _fields(cast("type[DataclassInstance]", type(record))):
        if name not in without and name not in others:
            others[name] = getattr(record, name)
    return {name: value.value if isinstance(value, Enum) else value for name, value in others.items()}


@cache
def _fields(kind: "type[DataclassInstance]") -> tuple[tuple[str, type[Enum] | None], ...]:
    """Name of each field, and of what enumeration it is."""
    return tuple(
        (each.name, each.type if isinstance(each.type, type) and issubclass(each.type, Enum) else None)
        for each in fields(kind)
    )


def every_table() -> MetaData:
    """All tables, also of the modules that nobody has asked for yet: whoever copies tables must miss none."""
    for path in Path(__file__).parent.glob("*/*.py"):
        if path.parent.name != "migrations":
            import_module(f"node.store.{path.parent.name}.{path.stem}")
    for model in TableModel.__subclasses__():
        table(model)
    return SQLModel.metadata
