"""What a scan remembers, in one SQLite file: each file's hashes, what is known of it, and how far the run has come.

Only one process writes a state at a time. Everything is written in short transactions, so that a process may be killed
at any moment and the next one goes on: what was not written yet is found again. The file is readable by its owner
alone, and the hashes in it are sealed with a key that lies in the partner's folder: those of hits are the list's, and a
copy of the state by itself (a backup, a support case) tells none. Screen values are not: whoever has a file can tell
from them whether it was scanned. What is concluded from it is `judging`'s matter.
"""

import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.clock import system_entropy
from node.errors import AlreadyExistsError, ConfigError, StoreError, StoreLockedError
from node.files import create_private, make_private_folder, read_private, try_locked
from node.partner.scanning.results import FileResult, HitFacts, ScanSummary, Status
from node.services.storage.vault import KEY_BYTES, seal, unseal

_VERSION: Final = 1
_APPLICATION: Final = 0x53674653
"""`SgFS`: what says that an SQLite file is a scan's state."""
_BUSY_SECONDS: Final = 60.0
_PAGE: Final = 50_000
_PAUSE_SECONDS: Final = 0.2
_NOT_ASKED: Final = "it survives the local screen, and the node was not asked about it yet"

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
CREATE TABLE asked (file INTEGER PRIMARY KEY, epoch TEXT NOT NULL, answers BLOB NOT NULL);
CREATE TABLE judged (release TEXT NOT NULL);
CREATE TABLE sealed (empty BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a scan over some sources, which may be interrupted and go on."""

    id: int
    sources: tuple[str, ...]
    started_ms: int
    ended_ms: int
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What tells whether a file has changed since it was read."""

    id: int
    mark: str
    size: int
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file as it is kept, without its hashes' meaning."""

    path: bytes
    source: str
    size: int
    mark: str
    """Of the file when it was read; empty: read it again next time."""
    screens: bytes = field(default=b"", repr=False)
    """Screen values of all its hashes in order, 8 bytes each, little-endian."""
    parts: bytes = field(default=b"", repr=False)
    """Its hashes, packed."""
    reasons: tuple[str, ...] = ()
    unreadable: bool = False
    pending: bool = False
    """The node is to be asked about it."""
    hits: tuple[HitFacts, ...] = ()
    id: int = 0
    """0: new."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the node answered about a file's hashes, in the epoch that it was asked in."""

    epoch: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Screen values of many files."""

    ids: list[int]
    lengths: list[int]
    """Values of each."""
    values: bytes = field(repr=False)


class ScanState:
    """An open state; of one thread. `open_state` gives the first one, `again` further ones of the same process."""

    def __init__(self, path: Path, connection: sqlite3.Connection, key: bytes) -> None:
        self.path = path
        self._db = connection
        self._key = key
        self._cipher = AESGCM(key)

    @contextmanager
    def again(self) -> Iterator["ScanState"]:
        """Another connection, for another thread."""
        with ExitStack() as stack:
            yield ScanState(self.path, stack.enter_context(_connected(self.path)), self._key)

    def require_key(self) -> None:
        """Refuse the state of another key before anything is added to it; raises `StoreError`."""
        found = self._db.execute("SELECT empty FROM sealed").fetchone()
        if found is not None:
            self._opened(b"", found[0])
            return
        with self._db:
            self._db.execute("INSERT INTO sealed VALUES (?)", (seal(self._cipher, "", b"", system_entropy),))

    # ---------------------------------------------------------------- runs

    def begin(self, sources: Sequence[str], *, now_ms: int) -> Run:
        """The run of these sources that was interrupted, or a new one."""
        last = self.last_run()
        if last is not None and not last.ended_ms and last.sources == tuple(sources):
            return replace(last, resumed=True)
        with self._db:
            cursor = self._db.execute(
                "INSERT INTO run (sources, started_ms) VALUES (?, ?)", (json.dumps(list(sources)), now_ms)
            )
        return Run(id=cursor.lastrowid or 0, sources=tuple(sources), started_ms=now_ms, ended_ms=0)

    def last_run(self) -> Run | None:
        """The newest run."""
        found = self._db.execute(
            "SELECT id, sources, started_ms, ended_ms FROM run ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if found is None:
            return None
        number, sources, started, ended = found
        return Run(id=number, sources=tuple(json.loads(sources)), started_ms=started, ended_ms=ended)

    def judge_with(self, run: Run, *, subset: str, version: int, age_ms: int, screen_only: bool) -> None:
        """Note what the run judges with."""
        with self._db:
            self._db.execute(
                "UPDATE run SET subset = ?, version = ?, age_ms = ?, screen_only = ? WHERE id = ?",
                (subset, version, age_ms, screen_only, run.id),
            )

    def end(self, run: Run, *, now_ms: int, passed_over: int) -> None:
        """The run has seen everything."""
        with self._db:
            self._db.execute(
                "UPDATE run SET ended_ms = ?, passed_over = ? WHERE id = ?", (now_ms, passed_over, run.id)
            )

    def forget(self, run: Run, *, before_ms: int) -> None:
        """Forget files that no run has met which began since, but for those of `run`: their names are customers'."""
        unseen = "(SELECT id FROM file WHERE seen IN (SELECT id FROM run WHERE started_ms < ? AND id <> ?))"
        with self._db:
            self._db.execute(f"DELETE FROM asked WHERE file IN {unseen}", (before_ms, run.id))  # noqa: S608
            self._db.execute(f"DELETE FROM file WHERE id IN {unseen}", (before_ms, run.id))  # noqa: S608

    # ---------------------------------------------------------------- files

    def known(self, path: bytes) -> Known | None:
        """What tells whether the file has changed; None for one that was never seen."""
        found = self._db.execute("SELECT id, mark, size, seen FROM file WHERE path = ?", (path,)).fetchone()
        return None if found is None else Known(id=found[0], mark=found[1], size=found[2], seen=found[3])

    def keep(self, run: Run, files: Sequence[Kept], *, unchanged: Sequence[int] = ()) -> None:
        """Write what was read of files, and that others have not changed."""
        with self._db:
            self._db.executemany(
                _FORGET, [(kept.path, kept.screens) for kept in files if not kept.unreadable]
            )
            self._db.executemany(_INSERT, [self._row(kept, run.id) for kept in files])
            self._db.executemany(
                "UPDATE file SET seen = ? WHERE id = ?", [(run.id, number) for number in unchanged]
            )

    def pending(self, run: Run, *, after: int, limit: int) -> list[Kept]:
        """Files of this run that the node is to be asked about."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM file WHERE pending AND seen = ? AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
            (run.id, after, limit),
        )
        return [self._kept(row) for row in rows]

    def file(self, number: int) -> Kept:
        """The file of this id."""
        row = self._db.execute(f"SELECT {_COLUMNS} FROM file WHERE id = ?", (number,)).fetchone()  # noqa: S608
        return self._kept(row)

    # ---------------------------------------------------------------- judging

    def judged(self) -> str:
        """What release everything here was judged with; empty: none."""
        found = self._db.execute("SELECT release FROM judged").fetchone()
        return str(found[0]) if found else ""

    def set_judged(self, release: str) -> None:
        """Everything here was judged with this release."""
        with self._db:
            self._db.execute("DELETE FROM judged")
            self._db.execute("INSERT INTO judged VALUES (?)", (release,))

    def pages(self) -> Iterator[Page]:
        """The screen values of everything, in pages."""
        cursor = self._db.execute("SELECT id, screens FROM file WHERE screens <> x'' ORDER BY id")
        while rows := cursor.fetchmany(_PAGE):
            screens = [screens for _, screens in rows]
            yield Page(
                ids=[number for number, _ in rows],
                lengths=[len(values) // 8 for values in screens],
                values=b"".join(screens),
            )

    def noticed(self) -> list[int]:
        """Ids of the files that are hits, or that the node is to be asked about."""
        rows = self._db.execute(
            "SELECT id FROM file WHERE pending UNION SELECT id FROM file WHERE hits <> ''"
        )
        return [number for (number,) in rows]

    def answers(self, number: int) -> Answers | None:
        """What the node last answered about a file."""
        found = self._db.execute("SELECT epoch, answers FROM asked WHERE file = ?", (number,)).fetchone()
        return None if found is None else Answers(*found)

    def conclude(self, files: Sequence[tuple[Kept, Answers | None]]) -> None:
        """Write what files are now, and what the node answered where it was asked.

        Of a file that has been read anew since, with other hashes, nothing is written: an answer about what it was
        must not clear what it is.
        """
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO asked SELECT id, ?, ? FROM file WHERE id = ? AND screens = ?",
                [
                    (found.epoch, found.data, kept.id, kept.screens)
                    for kept, found in files
                    if found is not None
                ],
            )
            self._db.executemany(
                "UPDATE file SET pending = ?, hits = ? WHERE id = ? AND screens = ?",
                [(kept.pending, _hits_text(kept.hits), kept.id, kept.screens) for kept, _ in files],
            )

    # ---------------------------------------------------------------- results

    def results(self, run: Run) -> Iterator[FileResult]:
        """Everything that the run has seen, in order of the paths' bytes."""
        columns = _COLUMNS.replace("parts", "x''")
        cursor = self._db.execute(f"SELECT {columns} FROM file WHERE seen = ? ORDER BY path", (run.id,))  # noqa: S608
        for row in cursor:
            yield result_of(self._kept(row))

    def totals(self, run: Run) -> tuple[int, int]:
        """Files and bytes that a run has seen."""
        found = self._db.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM file WHERE seen = ?", (run.id,)
        ).fetchone()
        return int(found[0]), int(found[1])

    def summary(self, run: Run) -> ScanSummary:
        """The run in sum."""
        counts: dict[Status, int] = {}
        octets = read = 0
        rows = self._db.execute(_SUMMED, (run.id, run.id))
        for unreadable, pending, reasons, hits, files, size, fresh in rows:
            status = _status(bool(unreadable), bool(pending), bool(reasons), _read_hits(hits))
            counts[status] = counts.get(status, 0) + files
            octets, read = octets + size, read + fresh
        found = self._db.execute(
            "SELECT ended_ms, subset, version, age_ms, screen_only, passed_over FROM run WHERE id = ?",
            (run.id,),
        ).fetchone()
        return ScanSummary(
            sources=run.sources,
            counts=counts,
            bytes=octets,
            read=read,
            passed_over=found[5],
            started_ms=run.started_ms,
            ended_ms=found[0],
            subset=found[1],
            release=found[2],
            list_age_ms=found[3],
            screen_only=bool(found[4]),
        )

    def _row(self, kept: Kept, run: int) -> tuple[Any, ...]:
        return (
            kept.path,
            kept.source,
            kept.size,
            kept.mark,
            kept.screens,
            seal(self._cipher, kept.path.hex(), kept.parts, system_entropy) if kept.parts else b"",
            json.dumps(kept.reasons) if kept.reasons else "",
            _hits_text(kept.hits),
            kept.unreadable,
            kept.pending,
            run,
            run,
        )

    def _kept(self, row: Sequence[Any]) -> Kept:
        number, path, source, size, mark, screens, parts, reasons, hits, unreadable, pending = row
        return Kept(
            id=number,
            path=path,
            source=source,
            size=size,
            mark=mark,
            screens=screens,
            parts=self._opened(path, parts) if parts else b"",
            reasons=tuple(json.loads(reasons)) if reasons else (),
            hits=_read_hits(hits),
            unreadable=bool(unreadable),
            pending=bool(pending),
        )

    def _opened(self, path: bytes, sealed: bytes) -> bytes:
        try:
            return unseal(self._cipher, path.hex(), sealed)
        except StoreError as exc:
            raise StoreError(
                f"the hashes in {self.path} do not open with the key of this partner",
                hint="it belongs to another partner's folder, or was altered; scan with another --state FILE",
            ) from exc


_COLUMNS: Final = "id, path, source, size, mark, screens, parts, reasons, hits, unreadable, pending"
_SUMMED: Final = """
SELECT unreadable, pending, reasons <> '', hits, count(*), sum(size), sum(read = ? AND NOT unreadable)
FROM file WHERE seen = ? GROUP BY 1, 2, 3, 4
"""
_FORGET: Final = """
DELETE FROM asked WHERE file = (SELECT id FROM file WHERE path = ? AND screens <> ?)
"""
_INSERT: Final = """
INSERT INTO file (path, source, size, mark, screens, parts, reasons, hits, unreadable, pending, seen, read)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET source = excluded.source, size = excluded.size, mark = excluded.mark,
  reasons = excluded.reasons, unreadable = excluded.unreadable, seen = excluded.seen, read = excluded.read,
  screens = CASE WHEN excluded.unreadable THEN screens ELSE excluded.screens END,
  parts = CASE WHEN excluded.unreadable THEN parts ELSE excluded.parts END,
  hits = CASE WHEN excluded.unreadable OR screens = excluded.screens THEN hits ELSE excluded.hits END,
  pending = CASE WHEN excluded.unreadable OR screens = excluded.screens THEN pending ELSE excluded.pending END
"""
"""What is known of a content stays, when a file has been touched only, and when it cannot be read for a while."""


@contextmanager
def open_state(path: Path, key: bytes, *, patience_seconds: float = 0.0) -> Iterator[ScanState]:
    """The state in the file `path`, its hashes sealed with `key`; made where there is none, nobody else's meanwhile.

    Somebody who only looks at it for a moment is waited for with some patience.

    Raises:
        StoreLockedError: another scan uses it.
        ConfigError: it is a link, somebody else's, or readable by others.
        StoreError: it is no state of a scan, of another version, or damaged.
    """
    with ExitStack() as stack:
        _lock(stack, path, patience_seconds)
        _make_private(path)
        with _connected(path) as connection:
            _prepare(path, connection)
            state = ScanState(path, connection, key)
            state.require_key()
            yield state


def _lock(stack: ExitStack, path: Path, patience_seconds: float) -> None:
    until = time.monotonic() + patience_seconds
    while not stack.enter_context(try_locked(path.with_name(f"{path.name}.lock"))):
        if time.monotonic() >= until:
            raise StoreLockedError(
                f"another scan uses {path}", hint="wait for it, or give this one a --state FILE of its own"
            )
        time.sleep(_PAUSE_SECONDS)


def state_key(folder: Path) -> bytes:
    """The key that seals the states of the partner in `folder`; made when it is first needed."""
    path = folder / "scan.key"
    if not path.exists():
        with suppress(AlreadyExistsError):  # another command made it at the same moment
            create_private(path, system_entropy(KEY_BYTES))
    return read_private(path)


def own_files(path: Path) -> frozenset[bytes]:
    """The files of a state, which are not scanned: they change while they are read."""
    return frozenset(os.fsencode(f"{path}{end}") for end in ("", "-wal", "-shm", "-journal", ".lock"))


def named(path: bytes, part: str) -> str:
    """A file, or a part of it, by name: `a.gif#2`, `a.zip!inner.jpg`."""
    return os.fsdecode(path) + (part if not part or part.startswith("#") else f"!{part}")


def result_of(kept: Kept) -> FileResult:
    """A kept file as a result."""
    return FileResult(
        source=kept.source,
        path=os.fsdecode(kept.path),
        size=kept.size,
        status=_status(kept.unreadable, kept.pending, bool(kept.reasons), kept.hits),
        reasons=(*kept.reasons, *([_NOT_ASKED] if kept.pending else [])),
        hits=kept.hits,
    )


def _status(unreadable: bool, pending: bool, partly: bool, hits: Sequence[HitFacts]) -> Status:  # noqa: FBT001
    if any(not each.test_file for each in hits):
        return Status.HIT
    if unreadable:
        return Status.UNREADABLE
    if pending:
        return Status.UNCONFIRMED
    if partly:
        return Status.PARTLY
    return Status.TEST_FILE if hits else Status.CLEAN


def _make_private(path: Path) -> None:
    make_private_folder(path.parent)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        handle = os.open(path, flags, 0o600)
    except OSError as exc:
        raise ConfigError(f"{path} cannot be opened: {exc.strerror}", hint="it must not be a link") from exc
    try:
        found = os.fstat(handle)
    finally:
        os.close(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConfigError(
            f"{path} must be a file of this user that nobody else can read", hint=f"chmod 600 {path}"
        )


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        yield connection
    except sqlite3.DatabaseError as exc:
        raise StoreError(
            f"{path} cannot be used: {exc}", hint="keep it aside, and scan with another --state FILE"
        ) from exc
    finally:
        connection.close()


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not empty and (application, version) != (_APPLICATION, _VERSION):
        raise StoreError(
            f"{path} is no state of a scan that this version can read", hint="give another file with --state"
        )
    connection.execute("PRAGMA journal_mode = WAL")
    if empty:
        connection.executescript(
            f"BEGIN; PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION}; {_SCHEMA} COMMIT;"
        )


def _hits_text(hits: Sequence[HitFacts]) -> str:
    return json.dumps([asdict(each) for each in hits]) if hits else ""


def _read_hits(text: str) -> tuple[HitFacts, ...]:
    if not text:
        return ()
    return tuple(
        HitFacts(**(each | {name: tuple(each[name]) for name in ("countries", "algorithms")}))
        for each in json.loads(text)
    )
