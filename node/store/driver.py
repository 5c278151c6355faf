"""What SQLite and PostgreSQL do differently, in one place: connecting, beginning, and moving rows in bulk.

Everything else of the store is SQL that both understand. Bulk rows go to the driver itself (`executemany`, `COPY`), and
so does what every evaluation asks (`bare_transaction`): else they would take seventeen and ten times as long.
"""

import errno
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from typing_extensions import override

from node.errors import ConfigError, StoreDownError, StoreError, StoreLockedError
from node.files import refused, sqlite_errno

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
_BUSY_SECONDS: Final = 30
_POOL_SECONDS: Final = 5
"""Who waits longer for a connection is refused: whoever asks comes again, and waits nowhere in the dark."""
_ASKED: Final[Mapping[str, str]] = {
    "client_encoding": "utf8",
    "connect_timeout": "3",
    "tcp_user_timeout": "30000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}
"""Text as UTF-8, also of a database that knows of no encoding, as `initdb` makes it where it finds no locale. And how
long a server that says nothing is waited for: each host in turn, then what was sent, then what is awaited."""
_OF_POSTGRESQL: Final = {"53100": errno.ENOSPC, "25006": errno.EROFS}
"""By SQLSTATE, what a file would have said."""
_MOST_DAMAGE: Final = 10
_MIGRATING: Final = 0x5346_4D49
"""What the advisory lock of migrations is called."""
_WRITING: Final = 0x5346_5752
"""What that of all that writes is called."""
_CACHE: Final = "cache_size=-65536"
_LITTLE_CACHE: Final = "cache_size=-2048"
_WRITES: Final = "sigfed_writes"
_NORMAL: Final = 1
"""SQLite's number for `synchronous=NORMAL`."""


class _Pool(QueuePool):
    """One that closes what was in use when it was disposed of, too, as soon as its user gives it back."""

    _disposed = False

    @override
    def dispose(self) -> None:
        self._disposed = True
        super().dispose()

    @override
    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._disposed:
            super().dispose()


def parse_dsn(dsn: str) -> URL:
    """The address of a database; raises `ConfigError` for anything but SQLite files and PostgreSQL."""
    try:
        url = make_url(dsn)
    except ArgumentError as exc:
        raise ConfigError(
            "the store's DSN cannot be read", hint="sqlite:///… or postgresql+psycopg://…"
        ) from exc
    if url.get_backend_name() == POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != SQLITE or not url.database or url.database == ":memory:":
        raise ConfigError(
            "the store is a SQLite file or PostgreSQL", hint="sqlite:///… or postgresql+psycopg://…"
        )
    return url


def on_server(dsn: str) -> bool:
    """Whether a database is one that several machines can share; an empty DSN is of a file in the home."""
    return bool(dsn) and parse_dsn(dsn).get_backend_name() == POSTGRESQL


def connect(url: URL) -> Engine:
    """An engine whose transactions begin as `begin_reading` and `begin_writing` say."""
    if url.get_backend_name() == POSTGRESQL:
        try:
            engine = create_engine(
                _asked(url), poolclass=_Pool, pool_pre_ping=True, pool_timeout=_POOL_SECONDS
            )
        except NoSuchModuleError as exc:  # pragma: no cover - psycopg is a dependency
            raise ConfigError("PostgreSQL needs the psycopg driver") from exc
    else:
        engine = create_engine(url, poolclass=_Pool, connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _asked(url: URL) -> URL:
    """The same address, with what is asked of each connection, unless it says otherwise."""
    return url.update_query_dict({name: value for name, value in _ASKED.items() if name not in url.query})


def begin_reading(engine: Engine) -> Connection:
    """A connection whose transaction sees one state of the database throughout."""
    connection = engine.connect()
    if engine.dialect.name == POSTGRESQL:
        return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return connection


def begin_writing(engine: Engine) -> Connection:
    """A connection whose transaction takes SQLite's write lock at its start, so that it never has to give up later."""
    connection = engine.connect()
    if engine.dialect.name == SQLITE:
        return connection.execution_options(**{_WRITES: True})
    return connection


@dataclass(frozen=True, slots=True)
class Bare:
    """A transaction at the driver itself."""

    raw: Any
    postgresql: bool

    def first(self, statement: str, *, lock: str = "", **values: str | int) -> tuple[Any, ...] | None:
        """Run a statement of our own, in which values stand as `:name`; its first row.

        With a `lock`, FOR UPDATE or FOR SHARE, what it finds stays until the end; SQLite has the write lock for it.
        """
        written = _named(f"{statement} {lock}") if self.postgresql else statement
        found = self.raw.execute(written, values)
        row: tuple[Any, ...] | None = found.fetchone() if found.description else None
        return row


@cache
def _named(statement: str) -> str:
    """The statement with its values as psycopg writes them."""
    return re.sub(r":(\w+)", r"%(\1)s", statement)


@contextmanager
def bare_transaction(engine: Engine) -> Iterator[Bare]:
    """One that writes and waits for no disk, committed when the block ends.

    Whoever reads sees what it wrote, whatever becomes of this process; a power cut may take it back until something
    else is committed that does wait.
    """
    postgresql, dbapi = engine.dialect.name == POSTGRESQL, engine.dialect.loaded_dbapi
    try:
        pooled = engine.raw_connection()
    except dbapi.Error as exc:  # SQLAlchemy tells its own connections' errors as its own, and not this one's
        raise DBAPIError.instance(None, None, exc, dbapi.Error) from None
    raw: Any = pooled.driver_connection
    try:
        if postgresql:
            with raw.transaction():
                raw.execute("SET LOCAL synchronous_commit = off")
                yield Bare(raw, postgresql)
        else:
            with _no_wait(raw):
                raw.execute("BEGIN IMMEDIATE")
                with raw:
                    yield Bare(raw, postgresql)
    except dbapi.Error as exc:
        pooled.invalidate()  # whatever it was left in: nobody else gets one that waits for no disk
        lost = engine.dialect.is_disconnect(exc, raw, None)
        raise DBAPIError.instance(None, None, exc, dbapi.Error, connection_invalidated=lost) from None
    finally:
        pooled.close()


@contextmanager
def _no_wait(raw: Any) -> Iterator[None]:
    """SQLite's log is not synced by what is committed inside; a later commit that is syncs all of it."""
    (before,) = raw.execute("PRAGMA synchronous").fetchone()
    raw.execute(f"PRAGMA synchronous={min(before, _NORMAL)}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA synchronous={before}")  # whoever gets the connection next claims heads


def lock_migrations(connection: Connection) -> None:
    """Wait for whoever changes the tables, and keep others from it until this transaction ends.

    SQLite's write lock does so; on PostgreSQL two programs that are upgraded at once would make one table each.
    """
    if connection.dialect.name == POSTGRESQL:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")


def lock_writes(connection: Connection, *, alone: bool) -> None:
    """Wait at the start of a transaction for one that writes alone, or, to be that, for all others that write.

    PostgreSQL lets the others go on only behind one that waits, so that it comes; on SQLite each writes alone.
    """
    if connection.dialect.name == POSTGRESQL:
        shared = "" if alone else "_shared"
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock{shared}({_WRITING})")


def insert_rows(
    connection: Connection, table: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert many rows; `columns` are (name, PostgreSQL type), the values ints, texts, bytes or None."""
    names = ", ".join(name for name, _ in columns)
    if connection.dialect.name == POSTGRESQL:
        _copy(connection, f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)", [t for _, t in columns], rows)
        return
    marks = ", ".join("?" * len(columns))
    batch = list(rows)
    if batch:
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names from our own code
        connection.exec_driver_sql(statement, batch)


def scrub(engine: Engine) -> bool:
    """Move SQLite's write-ahead log into the database and empty it; False where a reader's view keeps it for now.

    PostgreSQL keeps deleted rows until its VACUUM, which it runs by itself, and its log for as long as its
    configuration says.
    """
    if engine.dialect.name != SQLITE:
        return True
    with engine.connect() as connection:
        return _scrub(connection)


def owe_vacuum(connection: Connection) -> None:
    """Say, in a transaction that removes rows for good, that SQLite's pages may hold copies of them.

    Where it rebuilds a page, a copy of a row that moved stays, and `secure_delete` overwrites the row alone. Whoever
    counts here counts on: an odd number says that nothing is owed, so a database of before owes it once.
    """
    if connection.dialect.name == SQLITE:
        number = _debt(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {number + 1 + (number + 1) % 2}")


def vacuum(engine: Engine) -> bool:
    """Write SQLite's database anew where that is owed; False where it is not, or a reader's view keeps the old pages.

    Nobody else writes meanwhile: 43 seconds for 2 GB. It takes as much room again in the database's folder, and in that
    of SQLite's temporary files.
    """
    if engine.dialect.name != SQLITE:
        return False
    with engine.connect() as connection:
        number = _debt(connection)
        connection.rollback()
        if number % 2:
            return False
        raw = _raw(connection)
        raw.execute(f"PRAGMA {_LITTLE_CACHE}")  # it fills two, and reads no page twice
        try:
            raw.execute("VACUUM")
        finally:
            raw.execute(f"PRAGMA {_CACHE}")
        if not _scrub(connection):
            return False
    with begin_writing(engine) as connection, connection.begin():
        if _debt(connection) == number:  # nobody removed more since
            settle_vacuum(connection)
    return True


def settle_vacuum(connection: Connection) -> None:
    """Say in a transaction that no page holds a copy: the database is new, or was written anew."""
    if connection.dialect.name == SQLITE:
        connection.exec_driver_sql(f"PRAGMA user_version = {_debt(connection) | 1}")


def _scrub(connection: Connection) -> bool:
    (busy, _, _) = _raw(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _raw(connection: Connection) -> Any:
    """The driver's own connection: these statements cannot be in a transaction."""
    raw = connection.connection.driver_connection
    assert raw is not None, "the connection is open"
    return raw


def _debt(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


@contextmanager
def translated() -> Iterator[None]:
    """Failures of the database become `StoreError`s without its statements or values."""
    try:
        yield
    except PoolTimeoutError:
        raise StoreDownError("the database is busy: no connection to it came free in time") from None
    except DBAPIError as exc:
        raise _translation(exc) from None
    except sqlite3.Error as exc:  # of a connection that SQLAlchemy did not make, as a backup does
        raise _translation(OperationalError("", None, exc)) from None


def _translation(exc: DBAPIError) -> StoreError:
    """A disk that takes nothing is told as it is of files; anything else may be a database that is not there."""
    name = type(exc.orig).__name__
    number = sqlite_errno(exc.orig) or _OF_POSTGRESQL.get(getattr(exc.orig, "sqlstate", ""))
    if number is not None:
        return refused("the database", OSError(number, ""))
    if isinstance(exc, OperationalError):
        if "locked" in str(exc.orig):
            return StoreLockedError("the store is in use by another process", hint="try again in a moment")
        return StoreDownError("the database failed: {name}", name)
    if exc.connection_invalidated:
        return StoreDownError("the database went away: {name}", name)
    # The text of these errors shows statements with their values.
    return StoreError("the database refused: {name}", name)


def damage(engine: Engine) -> Sequence[str] | None:
    """What SQLite finds wrong with its file; None of PostgreSQL, of which `pg_amcheck` says it."""
    if engine.dialect.name != SQLITE:
        return None
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_DAMAGE})").scalars().all()
    return [row for row in rows if row != "ok"]


def _copy(connection: Connection, statement: str, types: list[str], rows: Iterable[Sequence[Any]]) -> None:
    import psycopg  # noqa: PLC0415 - a twelfth of a second that a node on SQLite does not pay

    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late and is never IMMEDIATE
    for pragma in (
        "journal_mode=WAL",
        # FULL: a claimed head that a power cut took back would leave the signer ahead of the store for ever.
        "synchronous=FULL",
        "foreign_keys=ON",
        _CACHE,
        "secure_delete=ON",  # what is shredded must not stay in a free page
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
