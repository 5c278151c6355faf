"""What a partner's client keeps: rows of a kind and a name in one SQLite file, each with its SHA-256.

A transaction has a connection of its own, and ends on the disk: what was written survives a power cut, and whoever is
killed in the middle leaves everything as it was. The file is the owner's alone. What tells hashes is sealed by whoever
writes the row, with a key in a file beside this one: a copy of the rows (a log collector, a support case) opens none of
them. There is no write-ahead log: with connections that live for a moment it costs five times as much, and a folder on
a network file system has no shared memory. See ADR 24.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from node.clock import system_entropy
from node.errors import AlreadyExistsError, StoreDownError, StoreError, StoreLockedError
from node.files import create_key, read_private, refused, require_own, require_owner, sqlite_errno
from node.hoster.store.kinds import FactName, Kind
from node.hoster.store.migrate import Earlier, earlier_files, has_word, remove_earlier, set_aside

if TYPE_CHECKING:
    from node.store.seal import KeySeal

FILE: Final = "state.db"
_VERSION: Final = 1
_APPLICATION: Final = 0x53674650
"""`SgFP`: what says that an SQLite file is this one."""
_BUSY_SECONDS: Final = 60.0
_KEY_BYTES: Final = 32
_MARK_BYTES: Final = 16
_PRIMARY: Final = 0xFF
"""Of SQLite's error codes, the part that says what failed."""
_DOWN: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM})
_NOT_OPENED: Final = "it is damaged, or not of this key"
_SCHEMA: Final = (
    """CREATE TABLE kept (
      kind TEXT NOT NULL, name TEXT NOT NULL, mark TEXT NOT NULL, body BLOB NOT NULL, sum BLOB NOT NULL,
      PRIMARY KEY (kind, name)
    )""",
    "CREATE INDEX marked ON kept (kind, mark)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_DURABLE: Final = "PRAGMA synchronous = EXTRA"
"""Also the name of the journal that is gone: with it a power cut would take the last transaction back."""
_FORGETTING: Final = "PRAGMA secure_delete = ON"
"""What is removed is overwritten: the name of a file must not stay in a copy of this one."""
_SELECT: Final = "SELECT kind, name, mark, body, sum FROM kept WHERE kind = ?"


class Row(NamedTuple):
    """One row."""

    name: str
    body: bytes
    """Empty where it is not what its SHA-256 says; what is kept is never empty."""


class Rows:
    """The rows as one transaction sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def body(self, kind: Kind, name: str) -> bytes | None:
        """Of one row, as in `Row`; None: it is not kept."""
        found = self._rows(f"{_SELECT} AND name = ?", kind, name)
        return found[0].body if found else None

    def ls(self, kind: Kind, *, after: str = "", limit: int = -1) -> list[Row]:
        """Those of a kind by name, at most `limit` and of later names than `after`."""
        return self._rows(f"{_SELECT} AND name > ? ORDER BY name LIMIT ?", kind, after, limit)

    def beginning(self, kind: Kind, digits: str) -> list[Row]:
        """Those whose names begin with `digits`."""
        return self._rows(f"{_SELECT} AND substr(name, 1, ?) = ? ORDER BY name", kind, len(digits), digits)

    def marked(self, kind: Kind, mark: str) -> list[Row]:
        """Those with a mark, in no order: SQLite would go through all of the kind for one. Empty: those without."""
        return self._rows(f"{_SELECT} AND mark = ?", kind, mark)

    def whole(self) -> bool:
        """Whether every row is what its SHA-256 says, and SQLite finds nothing wrong; reads all of them."""
        sound = self._db.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
        return sound and all(map(_is_whole, self._db.execute("SELECT kind, name, mark, body, sum FROM kept")))

    def count(self, kind: Kind) -> int:
        """How many there are of a kind."""
        return int(self._db.execute("SELECT count(*) FROM kept WHERE kind = ?", (kind,)).fetchone()[0])

    def put(self, kind: Kind, name: str, body: bytes, *, mark: str = "") -> None:
        """Keep a row in place of what was kept by that name."""
        self._insert("INSERT OR REPLACE", kind, name, mark, body)

    def add(self, kind: Kind, name: str, body: bytes) -> None:
        """Keep a row, unless there is one of that name."""
        self._insert("INSERT OR IGNORE", kind, name, "", body)

    def remove(self, kind: Kind, name: str) -> bool:
        """Forget a row, and note that the file is to be scrubbed; whether there was one."""
        was_there = self._delete(kind, name)
        if was_there:
            self.put(Kind.FACT, FactName.TO_SCRUB, system_entropy(_MARK_BYTES))
        return was_there

    def scrubbed(self, noted: bytes) -> None:
        """Forget the note, unless rows were removed since it was read."""
        if self.body(Kind.FACT, FactName.TO_SCRUB) == noted:
            self._delete(Kind.FACT, FactName.TO_SCRUB)

    def _delete(self, kind: Kind, name: str) -> bool:
        return self._db.execute("DELETE FROM kept WHERE kind = ? AND name = ?", (kind, name)).rowcount > 0

    def _rows(self, statement: str, *values: object) -> list[Row]:
        return [
            Row(str(found[1]), found[3] if _is_whole(found) else b"")
            for found in self._db.execute(statement, values)
        ]

    def _insert(self, how: str, kind: str, name: str, mark: str, body: bytes) -> None:
        values = (kind, name, mark, body, _sum(kind, name, mark, body))
        self._db.execute(f"{how} INTO kept VALUES (?, ?, ?, ?, ?)", values)


class PartnerStore:
    """What is kept in the folder of one enrolment. Reading makes no file where there is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def path(self) -> Path:
        """Where the rows are."""
        return self.folder / FILE

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """The rows of one moment.

        Raises:
            StoreError: they cannot be read, are gone, or are of a later version.
            ConfigError: the file is a link, somebody else's, or readable by others; or one of before is, that is moved.
        """
        with self._connected(make=False) as connection:
            connection.execute("BEGIN")
            yield Rows(connection)

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """The rows, nobody else's to change until the block ends; on an error they stay as they were.

        Raises as `reading`, and `StoreLockedError` where another process writes for too long.
        """
        with self._connected(make=True) as connection:
            connection.execute(_DURABLE)
            connection.execute(_FORGETTING)
            connection.execute("BEGIN IMMEDIATE")
            yield Rows(connection)
            connection.execute("COMMIT")

    def scrub(self) -> None:
        """Write the file anew if rows were removed: where SQLite rebuilt a page, a copy of one that moved may be left.

        Raises as `writing`; the next one does it then.
        """
        with self.reading() as rows:
            noted = rows.body(Kind.FACT, FactName.TO_SCRUB)
        if noted is None:
            return
        try:
            with self._connected(make=True) as connection:
                _run(connection, _DURABLE, "VACUUM")
        except (StoreDownError, StoreLockedError) as exc:
            raise type(exc)(
                "{path} was not written anew, and may hold copies of what was removed: {reason}",
                self.path,
                exc,
                hint="the next update does it, or: sigfed hit purge",
            ) from None
        with self.writing() as rows:
            rows.scrubbed(noted)

    def key(self, name: str) -> bytes:
        """The key of this name, in a file beside the rows; made when it is first needed."""
        path = self.key_path(name)
        if not path.exists():
            with suppress(AlreadyExistsError):  # another process made it at the same moment
                create_key(path, system_entropy(_KEY_BYTES))
        return read_private(path)

    def seal(self, name: str) -> "KeySeal":
        """What seals rows with the key of this name."""
        from node.store.seal import KeySeal  # noqa: PLC0415 - most commands open none

        return KeySeal(self.key(name), system_entropy)

    def key_path(self, name: str) -> Path:
        """Where that key is, once it was needed."""
        return self.folder / f"{name}.key"

    def damage(self) -> str:
        """What SQLite finds wrong with the file, or nothing."""
        with self._connected(make=False) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        return "" if found == "ok" else "it is damaged"

    def copy(self, target: Path) -> None:
        """Write a copy of one moment to a new file, whoever owns it, and whatever its rows say."""
        with (
            _translated(self.path),
            closing(
                sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", timeout=_BUSY_SECONDS, uri=True)
            ) as found,
        ):
            target.touch(mode=0o600, exist_ok=False)
            with closing(sqlite3.connect(target)) as copy:
                found.backup(copy)

    @contextmanager
    def _connected(self, *, make: bool) -> Iterator[sqlite3.Connection]:
        with _translated(self.path):
            moved = has_word(self.folder)  # asked first: it is written after the rows
            if not self.path.exists():
                if moved:
                    raise _damaged(self.path)
                empty = not make and not earlier_files(self.folder)
                if empty and not self.path.exists():  # else another process has just moved the files into it
                    with closing(sqlite3.connect(":memory:", isolation_level=None)) as nothing:
                        _run(nothing, *_SCHEMA)
                        yield nothing
                    return
                if self.folder.exists():  # root's file would keep its owner out of the folder
                    require_owner(self.folder, self.folder.stat())
            require_own(self.path)
            with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as found:
                found.text_factory = lambda data: data.decode("utf-8", "replace")
                self._prepare(found)
                yield found

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """See to tables of this version, and to everything that was a file."""
        connection.execute("BEGIN")
        made = self._has_tables(connection)
        connection.execute("COMMIT")
        if not made or not has_word(self.folder) or earlier_files(self.folder):
            self._bring_on(connection)

    def _has_tables(self, connection: sqlite3.Connection) -> bool:
        """Whether they were made, in a transaction: another process may make them between two questions."""
        found = tuple(
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if found not in {(0, 0), (_APPLICATION, _VERSION)}:
            raise StoreError(
                "{path} was not written by this version of sigfed",
                self.path,
                hint="use the version that wrote it, or a later one",
            )
        return found != (0, 0)

    def _bring_on(self, connection: sqlite3.Connection) -> None:
        _run(connection, _DURABLE, "BEGIN IMMEDIATE")
        if not self._has_tables(connection):
            if has_word(self.folder):  # there were some
                raise _damaged(self.path)
            _run(connection, *_SCHEMA)
        rows, found = Rows(connection), earlier_files(self.folder)
        others = [each for each in found if not _take(rows, each)]
        connection.execute("COMMIT")
        set_aside(others)
        remove_earlier(self.folder, found)


def verify_sealed(
    store: PartnerStore, kind: Kind, key: str, opened: Callable[[Row], object]
) -> Iterator[tuple[str, str]]:
    """Every row of a kind, opened: its name, and what is wrong with it, or nothing.

    `opened` raises `StoreError`; without the key, which it may make, nothing can be opened.
    """
    with store.reading() as rows:
        found = rows.ls(kind)
    for row in found:
        wrong = "" if store.key_path(key).exists() else _NOT_OPENED
        try:
            if not wrong:
                opened(row)
        except StoreError:
            wrong = _NOT_OPENED
        yield f"{kind}/{row.name}", wrong


def _run(connection: sqlite3.Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(statement)


def _take(rows: Rows, each: Earlier) -> bool:
    """Make a file a row; whether nothing else was kept of that name already."""
    body = each.read()
    if body is None:
        return True
    body = body or b"\0"
    if each.kind is Kind.FACT:  # that is a file again: it is newer
        rows.put(each.kind, each.name, body)
    else:
        rows.add(each.kind, each.name, body)
    return rows.body(each.kind, each.name) == body


def _sum(kind: str, name: str, mark: str, body: bytes) -> bytes:
    return sha256(b"\0".join((kind.encode(), name.encode(), mark.encode(), body))).digest()


def _is_whole(found: tuple[object, ...]) -> bool:
    kind, name, mark, body, said = found
    return (
        isinstance(kind, str)
        and isinstance(name, str)
        and isinstance(mark, str)
        and isinstance(body, bytes)
        and said == _sum(kind, name, mark, body)
    )


def _damaged(path: Path) -> StoreError:
    return StoreError(
        "{path} is damaged", path, hint="restore it from a backup, or move its folder away and enrol again"
    )


def refusal(path: Path, failure: sqlite3.Error) -> StoreDownError | None:
    """The error of a file whose disk takes nothing; None where it is another."""
    number = sqlite_errno(failure)
    return None if number is None else refused(str(path), OSError(number, ""))


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """What SQLite cannot do as `StoreError`, without its statements or values."""
    try:
        yield
    except sqlite3.Error as exc:
        if (down := refusal(path, exc)) is not None:
            raise down from None
        code = getattr(exc, "sqlite_errorcode", 0) & _PRIMARY
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise StoreLockedError(
                "{path} is in use by another process", path, hint="try again in a moment"
            ) from None
        if code in _DOWN:
            raise StoreDownError("{path} cannot be used: {reason}", path, exc) from None
        raise _damaged(path) from None
    except UnicodeDecodeError:  # SQLite tells what is wrong with the altered bytes
        raise _damaged(path) from None
