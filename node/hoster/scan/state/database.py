"""The SQLite file of a state: its tables, of one process at a time, readable by its owner alone."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from node.errors import StoreError, StoreLockedError
from node.files import try_locked
from node.hoster.store.database import refusal

_VERSION: Final = 2
_APPLICATION: Final = 0x53674653
"""`SgFS`: what says that an SQLite file is a scan's state."""
_BUSY_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.2

_SCHEMA: Final = """
CREATE TABLE run (
  id INTEGER PRIMARY KEY, sources TEXT NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0,
  subset TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 0, age_ms INTEGER NOT NULL DEFAULT 0,
  screen_only INTEGER NOT NULL DEFAULT 0, passed_over INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE file (
  id INTEGER PRIMARY KEY, screens BLOB NOT NULL, path BLOB NOT NULL UNIQUE, source TEXT NOT NULL, size INTEGER NOT NULL,
  mark TEXT NOT NULL, parts BLOB NOT NULL, reasons TEXT NOT NULL, hits TEXT NOT NULL, unreadable INTEGER NOT NULL,
  pending INTEGER NOT NULL, seen INTEGER NOT NULL, read INTEGER NOT NULL
);
CREATE INDEX pending ON file (id) WHERE pending;
CREATE INDEX met ON file (id) WHERE hits <> '';
CREATE TABLE asked (
  file INTEGER PRIMARY KEY, epoch TEXT NOT NULL, answers BLOB NOT NULL, outputs BLOB NOT NULL DEFAULT x''
);
CREATE TABLE judged (release TEXT NOT NULL);
CREATE TABLE sealed (empty BLOB NOT NULL);
"""
_FROM_FIRST: Final = "ALTER TABLE asked ADD COLUMN outputs BLOB NOT NULL DEFAULT x''"
"""What makes a state of the first version one of the second."""


def lock(stack: ExitStack, path: Path, patience_seconds: float) -> None:
    """Have the state at `path` alone until `stack` is left; raises `StoreLockedError`."""
    until = time.monotonic() + patience_seconds
    while not stack.enter_context(try_locked(path.with_name(f"{path.name}.lock"))):
        if time.monotonic() >= until:
            raise StoreLockedError(
                "another scan uses {path}",
                path,
                hint="wait for it, or give this one a --state FILE of its own",
            )
        time.sleep(_PAUSE_SECONDS)


def own_files(path: Path) -> frozenset[bytes]:
    """The files of a state, which are not scanned: they change while they are read."""
    return frozenset(os.fsencode(f"{path}{end}") for end in ("", "-wal", "-shm", "-journal", ".lock"))


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of one thread; raises `StoreError` for what SQLite cannot use, then and later."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")  # the name of a file must not stay in a free page
        yield connection
    except sqlite3.DatabaseError as exc:
        if (down := refusal(path, exc)) is not None:
            raise down from None
        raise StoreError(
            "{path} cannot be used: {reason}",
            path,
            exc,
            hint="keep it aside, and scan with another --state FILE",
        ) from exc
    finally:
        connection.close()


def write_anew(path: Path, connection: sqlite3.Connection) -> bool:
    """Write the file anew, whose pages may hold copies of rows that moved; False where a reader keeps the old ones.

    It takes as much room again. Raises `StoreError` where that is not there.
    """
    try:
        connection.execute("VACUUM")
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as exc:
        raise StoreError(
            "{path} was not written anew, and may hold names of files that were forgotten: {reason}",
            path,
            refusal(path, exc) or exc,
            hint="make room: the next scan with this state does it",
        ) from exc
    return not busy


def prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file, and bring those of the first version on; raises `StoreError` for others."""
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not empty and (application != _APPLICATION or version not in {1, _VERSION}):
        raise StoreError(
            "{path} is no state of a scan that this version can read",
            path,
            hint="give another file with --state",
        )
    connection.execute("PRAGMA journal_mode = WAL")
    if version == 1:
        connection.executescript(f"BEGIN; {_FROM_FIRST}; PRAGMA user_version = {_VERSION}; COMMIT;")
    if empty:
        connection.executescript(
            f"BEGIN; PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION}; {_SCHEMA} COMMIT;"
        )
