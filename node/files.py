"""Private files: written whole or not at all, never overwritten, never readable by others.

A private file is refused when it is a symbolic link, belongs to somebody else, or its group or the world may read
it: each is how a key leaks or is swapped without anybody noticing.
"""

import errno
import fcntl
import json
import os
import re
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from keys.errors import SigfedError
from keys.message import Message
from node.clock import system_entropy
from node.errors import (
    AlreadyExistsError,
    ConfigError,
    InputRefusedError,
    NodeError,
    NotFoundError,
    StoreDownError,
    UsageError,
)
from protocol.encoding import Octets

MAX_PRIVATE_BYTES = 64 * 1024
_PAGE_BYTES = 4096
_BLOCK_BYTES = 2**20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TEMPORARY = re.compile(r"\.tmp-.*|\..+\.[0-9a-f]{16}", re.ASCII | re.DOTALL)
"""Of objects and sets of keys; of private files."""
_ROOM = ("no room is left on its disk", "make room, then do the same again")
_REFUSALS = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: (
        "it is read-only",
        "mount its disk writable, or let the user of this node write there, then do the same again",
    ),
}
"""By error number, why, and what to do."""
_OF_SQLITE = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR_SHMSIZE: errno.ENOSPC,  # the index of its journal cannot grow: not even a reader gets further
    sqlite3.SQLITE_READONLY: errno.EROFS,
}
"""By error code, what a file would have said."""
_PRIMARY = 0xFF
"""Of SQLite's error codes, the part that says what failed."""
_SUM = "sha256"
_SUM_FORM = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP})
_FORMAT = "FAT and exFAT keep no key from other users: format the medium with another one, such as ext4"


def refused(what: str, exc: OSError) -> StoreDownError:
    """The one error for what cannot be written, be it file, object or database."""
    reason, hint = _REFUSALS.get(exc.errno or 0, (exc.strerror or "it failed", ""))
    return StoreDownError("{what} cannot be written: {reason}", what, reason, hint=hint)


def open_input(path: Path) -> BinaryIO:
    """A file that somebody named, to be read; raises `InputRefusedError`."""
    try:
        return path.open("rb")
    except OSError as exc:
        raise _unreadable(path, exc) from exc


@contextmanager
def input_file(path: Path) -> Iterator[BinaryIO]:
    """As `open_input`, while it is read and nothing else is done: what fails then is refused as well."""
    with open_input(path) as stream:
        try:
            yield stream
        except OSError as exc:
            raise _unreadable(path, exc) from exc


def _unreadable(path: Path, exc: OSError) -> InputRefusedError:
    return InputRefusedError("{path} cannot be read: {reason}", path, exc.strerror)


def failure_of(exc: OSError) -> NodeError:
    """The one error for what this machine did not do, whatever was asked of it."""
    name = str(exc.filename or "a file")
    if exc.errno in _REFUSALS:
        return refused(name, exc)
    return NodeError("{file}: {reason}", name, exc.strerror or "failed")


def said_of(exc: SigfedError | OSError) -> SigfedError:
    """A failure that is told and does not end what comes after it."""
    return exc if isinstance(exc, SigfedError) else failure_of(exc)


def sqlite_errno(failure: BaseException | None) -> int | None:
    """The number with which a disk that takes nothing made a statement of SQLite fail; None of anything else."""
    code = getattr(failure, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_READONLY_DBMOVED:  # another file took the place of this one
        return None
    return _OF_SQLITE.get(code, _OF_SQLITE.get(code & _PRIMARY))


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Raise `StoreDownError` where a disk takes nothing: it must not look as if somebody else had failed."""
    try:
        yield
    except OSError as exc:
        raise refused(what, exc) from exc


def read_private(path: Path, *, max_bytes: int = MAX_PRIVATE_BYTES) -> bytes:
    """The content of a private file of at most `max_bytes`.

    Raises:
        NotFoundError: there is no such file.
        ConfigError: a link, not a regular file, of another owner, open to others, or implausibly large.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as exc:
        raise NotFoundError("{path} does not exist", path) from exc
    except OSError as exc:
        if exc.errno == errno.EACCES:
            require_owner(path, path.lstat())
        raise ConfigError(
            "{path} cannot be opened: {reason}", path, exc.strerror, hint="it must not be a link"
        ) from exc
    try:
        _check(path, os.fstat(handle))
        if os.fstat(handle).st_size > max_bytes:
            raise ConfigError("{path} is too large for a private file", path)
        return os.read(handle, max_bytes)
    finally:
        os.close(handle)


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError("{path} is not a regular file", path)
    require_owner(path, found)
    if found.st_mode & 0o077:
        raise ConfigError("{path} can be read by others", path, hint=Message("chmod 600 {path}", path))


def require_owner(path: Path, found: os.stat_result) -> None:
    """See to a file or folder that is this user's; raises `ConfigError`."""
    if found.st_uid != os.geteuid():
        raise ConfigError(
            "{path} belongs to another user",
            path,
            hint=Message("do this as that user, or chown it to the node's user: {path}", path),
        )


def make_private_folder(folder: Path) -> None:
    """Make `folder` and those above it that are missing, durably, each the owner's alone whatever the umask."""
    # Path.mkdir gives the mode to the last folder only.
    for path in reversed([folder, *folder.parents]):
        if not path.is_dir():
            path.mkdir(mode=0o700, exist_ok=True)
            sync_folder(path.parent)


def require_own(path: Path) -> None:
    """See to a file that is this user's alone, empty where there was none; raises `ConfigError` for others and links.

    One that is there is not opened for that: closing it would end the locks that SQLite holds for this process.
    """
    if not os.path.lexists(path):
        make_private_folder(path.parent)
        with suppress(FileExistsError):  # another process made it at the same moment
            os.close(os.open(path, _NEW, 0o600))
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise ConfigError("{path} must not be a link", path)
    _check(path, found)


def create_private(path: Path, data: bytes) -> None:
    """Write a new private file (mode 0600), durable before this returns.

    Raises:
        AlreadyExistsError: the file exists; keys are never overwritten.
        ConfigError: the file system cannot keep a private file.
    """
    with _beside(path) as temporary:
        _write(temporary, [data])
        try:
            os.link(temporary, path)
        except FileExistsError as exc:
            raise _existing(path) from exc
        except OSError as exc:
            if exc.errno not in _NO_LINKS:
                raise
            raise ConfigError(
                "{parent} is on a file system without owners and links", path.parent, hint=_FORMAT
            ) from exc
    sync_folder(path.parent)


def require_folder_of(path: Path) -> None:
    """See to the folder of a file that somebody named, maybe on a medium that nobody mounted; raises `UsageError`."""
    if not path.parent.is_dir():
        raise UsageError("{path}: there is no such folder", path, hint=Message("mkdir {parent}", path.parent))


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that somebody named, of the owner's alone: there and durable when the block ends well, and else not.

    What a process that was killed left of it goes first. Raises `AlreadyExistsError` at once, or for one that was made
    meanwhile, and as `require_folder_of`.
    """
    require_folder_of(path)
    if os.path.lexists(path):
        raise _existing(path)
    sweep_temporaries(path.parent, of=escape(path.name))
    with _beside(path) as temporary:
        with _new(temporary) as file:
            yield file
        _give_name(temporary, path)
    sync_folder(path.parent)


def _give_name(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError as exc:
        raise _existing(path) from exc
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise _existing(path) from exc
        temporary.rename(path)


def _existing(path: Path) -> AlreadyExistsError:
    return AlreadyExistsError("{path} exists and is not overwritten", path)


def replace_private(path: Path, data: bytes) -> None:
    """Write a private state file (mode 0600) in place of the old one, durable before this returns."""
    replace_streamed(path, [data])


def create_key(path: Path, key: bytes) -> None:
    """As `create_private`, of a key that nothing else says the right bytes of; its SHA-256 is kept beside it."""
    create_private(path, key)
    replace_private(sum_path(path), sha256(key).hexdigest().encode())


def verify_key(path: Path) -> str | None:
    """What is wrong with a key that `create_key` wrote, or nothing; None of one whose SHA-256 is not kept."""
    beside = sum_path(path)
    if not beside.exists():
        return None
    said = beside.read_bytes()
    if path.exists() and sha256(path.read_bytes()).hexdigest().encode() == said:
        return ""
    return f"it is not what {beside.name} says"


def sum_path(key: Path) -> Path:
    """Where the SHA-256 of a key is kept."""
    return key.with_name(f"{key.name}.{_SUM}")


def encode_state(fields: Mapping[str, object]) -> bytes:
    """A state file: JSON whose last field is the SHA-256 of all others."""
    return json.dumps({**fields, _SUM: _sum_of(fields)}).encode()


def decode_state(data: bytes) -> dict[str, Any]:
    """What `encode_state` was given; earlier versions wrote no SHA-256. Raises `ValueError` for altered bytes."""
    fields = json.loads(data)
    if not isinstance(fields, dict):
        raise ValueError("not a state file")  # noqa: TRY004 - of these bytes, not of an argument
    said = fields.pop(_SUM, None)
    last = next(reversed(fields.values()), None)
    if said is None and isinstance(last, str) and _SUM_FORM.fullmatch(last):
        raise ValueError("the name of its SHA-256 was altered")
    if said is not None and said != _sum_of(fields):
        raise ValueError("not what its SHA-256 says")
    return fields


def _sum_of(fields: Mapping[str, object]) -> str:
    return sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def replace_streamed(path: Path, pieces: Iterable[Octets]) -> None:
    """Write a private file piece by piece in place of the old one, durable before this returns.

    When making a piece or writing it fails, the old file stays as it is.
    """
    with _beside(path) as temporary:
        _write(temporary, pieces)
        temporary.replace(path)
    sync_folder(path.parent)


def replace_named(path: Path, pieces: Iterable[Octets]) -> None:
    """As `replace_streamed`, of a file that somebody named; what a process that was killed left of it goes first.

    Raises as `require_folder_of`.
    """
    require_folder_of(path)
    sweep_temporaries(path.parent, of=escape(path.name))
    replace_streamed(path, pieces)


def remove_private(path: Path) -> None:
    """Delete a private file, durably; nothing happens when there is none.

    It is overwritten first. A file system or disk that copies on writing keeps the old blocks for a while: what must be
    unreadable is encrypted, and this takes away what could be decrypted.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        left = os.fstat(handle).st_size
        while left:
            left -= os.write(handle, bytes(min(left, _BLOCK_BYTES)))
        os.fsync(handle)
    finally:
        os.close(handle)
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def require_room(folder: Path) -> None:
    """Write a file into `folder` and take it away again; raises `OSError` where its disk takes none."""
    temporary = folder / f".tmp-{system_entropy(8).hex()}"
    with holding_temporaries(folder):
        try:
            _write(temporary, [bytes(_PAGE_BYTES)])
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Where what will be `path` may be written meanwhile; a full disk must not leave half a key behind."""
    make_private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{system_entropy(8).hex()}")
    with holding_temporaries(path.parent):
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def _write(path: Path, pieces: Iterable[Octets]) -> None:
    with _new(path) as file:
        file.writelines(pieces)


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    try:
        with os.fdopen(os.open(path, _NEW, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        if exc.filename in {None, str(path)}:  # a disk that is full does not say which
            exc.filename = str(path.parent)
        raise


@contextmanager
def holding_temporaries(folder: Path, *, alone: bool = False) -> Iterator[None]:
    """Keep `sweep_temporaries` from what the caller writes below `folder` and has not given its name yet.

    Others may do so meanwhile, unless the caller asks to be `alone`.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def sweep_temporaries(folder: Path, *, of: str = "", below: bool = False, wait: bool = False) -> int:
    """Delete the temporary files that processes which were killed left in `folder`; returns how many.

    In a folder that is not sigfed's alone, only those `of` a name, or of what a pattern matches.

    Who writes one holds the folder's lock, which ends with the process, whatever ends that. So whoever has had the lock
    alone knows that nobody is left who will give a name to what was found before. A process id in the name would prove
    less: ids are given out again, and another container that shares the folder has its own. While somebody writes,
    nothing is deleted, unless the caller can `wait`. `below` takes in the folders inside, of a tree that one lock is
    for. Nor is what `keep_temporary` keeps.
    """
    names = f".{of}.{'[0-9a-f]' * 16}" if of else ".*"
    found = [path for path in folder.glob(f"**/{names}" if below else names) if is_temporary(path)]
    if not found:
        return 0
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return 0
    finally:
        os.close(handle)
    # What is kept is deleted, or given its name, without the folder's lock: it may be gone, too.
    left = [path for path in found if not is_locked(path)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def keep_temporary(fd: int) -> None:
    """Keep an open file from `sweep_temporaries` until it is closed; the caller holds the folder's lock meanwhile."""
    fcntl.flock(fd, fcntl.LOCK_SH)


def is_locked(path: Path, *, alone: bool = False) -> bool:
    """Whether somebody has locked a file, `alone` or beside others; or it has just gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if alone else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def is_temporary(path: Path) -> bool:
    """Whether a file has the name of one that is being written."""
    return _TEMPORARY.fullmatch(path.name) is not None and path.is_file() and not path.is_symlink()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock file `path` and hold it; the lock ends with the process, whatever ends that."""
    make_private_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` if nobody else does; whether it is held."""
    make_private_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make renames and links inside `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
