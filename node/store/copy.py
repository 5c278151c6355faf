"""A database as one SQLite file, and back: for backups, while the node goes on working.

Writers wait while the moment is fixed, so that the caller can fix everything else of the same moment; the copy itself
is read from a view of that moment. A SQLite database is copied as it is, of PostgreSQL every row: a backup is one file
of one form whatever the node runs on, and can be restored into either.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Table, delete, insert, inspect, select

from node.errors import StoreLockedError, UsageError, VerificationError
from node.store.data_keys import require_no_store
from node.store.driver import POSTGRESQL, begin_reading, begin_writing, connect, parse_dsn, scrub, translated
from node.store.lease import Claim
from node.store.migrate import migrate
from node.store.store import connected
from node.store.tables import HomeCopy, Lease, every_table, table

_ROWS: Final = 2000
_LEASE: Final = table(Lease)


def copy_out(dsn: str, target: Path, *, at_that_moment: Callable[[], None]) -> None:
    """Copy the database at `dsn` into the new SQLite file `target`; `at_that_moment` runs while nobody writes.

    Raises:
        StoreLockedError: somebody writes for longer than we wait.
        StoreError: the database failed.
    """
    url = parse_dsn(dsn)
    target.touch(mode=0o600, exist_ok=False)
    with connected(url) as engine:
        migrate(engine)
        with translated():
            if url.get_backend_name() == POSTGRESQL:
                _copy_rows_out(engine, target, at_that_moment)
            else:
                _copy_file(engine, Path(url.database or ""), target, at_that_moment)
        engine.dispose()


def copy_in(source: Path, dsn: str) -> None:
    """Copy a SQLite file that `copy_out` made into the empty database at `dsn`; raises `AlreadyExistsError`."""
    url = parse_dsn(dsn)
    with connected(url) as engine, connected(parse_dsn(f"sqlite:///{source}")) as origin, translated():
        with engine.connect() as connection:
            require_no_store(connection)
        migrate(origin)
        migrate(engine)
        with begin_reading(origin) as rows, begin_writing(engine) as connection, connection.begin():
            _copy_rows(rows, connection)
            _continue_counting(connection)
        engine.dispose()
        origin.dispose()


def move_in(source: Path, dsn: str, claim: Claim) -> int:
    """Copy the tables of a home into the database at `dsn`, and let nobody write to `source` any more; how many rows.

    The rows come in one transaction, in which they are read back, and with them the lease of the home that `claim` is
    of. Whoever was cut off does it again.

    Raises:
        StoreLockedError: the database belongs to another home.
        AlreadyExistsError: there is a store at `dsn` that belongs to none.
        UsageError: the tables were moved to another database before.
        VerificationError: what was read back is not what was written; nothing was.
    """
    with (
        connected(parse_dsn(dsn)) as engine,
        connected(parse_dsn(f"sqlite:///{source}")) as origin,
        translated(),
    ):
        migrate(origin)
        migrate(engine)
        with begin_writing(origin) as rows, rows.begin():
            with begin_writing(engine) as connection, connection.begin():
                _require_place(connection, claim, moved=_has_moved(rows))
                claim.fence(connection)
                if not _has_moved(rows):
                    _copy_anew(rows, connection)
            # Each write asks for the lease first, so a command that has this file open still fails.
            rows.exec_driver_sql(f"DROP TABLE IF EXISTS {_LEASE.name}")
            count = sum(number for number, _ in _sums(rows).values())
        engine.dispose()
        origin.dispose()
    return count


def _require_place(connection: Connection, claim: Claim, *, moved: bool) -> None:
    own = connection.execute(select(_LEASE.c.holder)).scalar_one_or_none() == claim.holder
    if moved and not own:
        raise UsageError("these tables were moved to another database", hint="name that one")
    if not own:
        require_no_store(connection)


def _copy_anew(rows: Connection, connection: Connection) -> None:
    """Replace what a move that was cut off had copied before others wrote to the file."""
    for one in reversed([*_copied()]):
        connection.execute(delete(one))
    _copy_rows(rows, connection)
    _continue_counting(connection)
    if _sums(connection) != _sums(rows):
        raise VerificationError(
            "the database gave back other rows than it took",
            hint="nothing was moved; the node goes on with its file",
        )


def is_moved(source: Path) -> bool:
    """Whether `move_in` copied this SQLite file; it says so then without the log beside it.

    Raises `StoreLockedError` while somebody reads what was in it before.
    """
    with connected(parse_dsn(f"sqlite:///{source}")) as engine, translated():
        with engine.connect() as connection:
            moved = _has_moved(connection)
        if moved and not scrub(engine):
            raise StoreLockedError(
                "the tables are moved, and another command reads {path} still",
                source,
                hint="do the same again when it has ended: that deletes the file",
            )
        engine.dispose()
    return moved


def _has_moved(connection: Connection) -> bool:
    return not inspect(connection).has_table(_LEASE.name)


def _sums(connection: Connection) -> Mapping[str, tuple[int, int]]:
    """By table how many rows are copied, and a sum over them, in whatever order they come."""
    found = {}
    for one in _copied():
        count = total = 0
        for row in connection.execution_options(yield_per=_ROWS).execute(select(one)):
            count += 1
            total += int.from_bytes(sha256(repr(tuple(row)).encode()).digest())
        found[one.name] = count, total
    return found


@contextmanager
def alone(dsn: str) -> Iterator[None]:
    """Nobody else writes to the database at `dsn` while the block lasts; raises as `copy_out`."""
    with connected(parse_dsn(dsn)) as engine:
        with _alone(engine):
            yield
        engine.dispose()


def _copy_file(engine: Engine, path: Path, target: Path, at_that_moment: Callable[[], None]) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        with _alone(engine):
            source.execute("BEGIN")
            source.execute(
                "SELECT count(*) FROM sqlite_master"
            ).fetchone()  # from here on it sees this moment
            at_that_moment()
        source.backup(copy)


def _copy_rows_out(engine: Engine, target: Path, at_that_moment: Callable[[], None]) -> None:
    copy = connect(parse_dsn(f"sqlite:///{target}"))
    try:
        migrate(copy)
        with begin_reading(engine) as rows:
            with _alone(engine):
                rows.exec_driver_sql("SELECT 1")  # its view begins here
                at_that_moment()
            with begin_writing(copy) as connection, connection.begin():
                _copy_rows(rows, connection)
        with copy.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        copy.dispose()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Nobody else writes to any table."""
    with begin_writing(engine) as connection, connection.begin():
        if engine.dialect.name == POSTGRESQL:  # elsewhere there is one writer anyway
            names = ", ".join(f'"{table.name}"' for table in every_table().sorted_tables)
            connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE MODE")
        yield


def _copy_rows(source: Connection, target: Connection) -> None:
    for one in _copied():
        result = source.execution_options(yield_per=_ROWS).execute(select(one))
        for rows in result.mappings().partitions(_ROWS):
            target.execute(insert(one), [dict(row) for row in rows])


def _copied() -> Iterator[Table]:
    """All but what is of one home and one database."""
    for one in every_table().sorted_tables:
        if one.name not in {Lease.__tablename__, HomeCopy.__tablename__}:
            yield one


def _continue_counting(connection: Connection) -> None:
    """PostgreSQL numbers new rows from a sequence of its own, which rows that bring their numbers do not move."""
    if connection.dialect.name != POSTGRESQL:
        return
    for one in every_table().sorted_tables:
        column = one.autoincrement_column
        if column is None or not _has_sequence(connection, one.name, column.name):
            continue
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{one.name}', '{column.name}'), "  # noqa: S608 - own names
            f'(SELECT COALESCE(MAX("{column.name}"), 0) + 1 FROM "{one.name}"), false)'
        )


def _has_sequence(connection: Connection, table: str, column: str) -> bool:
    columns = {each["name"]: each for each in inspect(connection).get_columns(table)}
    return "nextval" in str(columns[column].get("default"))
