"""Reading a backup: verifying it, restoring it into a new home, and unpacking it for a drill (`node.backup.drill`).

A home is made beside its place and renamed when all of it was verified, so one that is there is whole. It is marked as
restored: its node may not serve before it was joined to what others have seen since (`node.backup.rejoin`).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from node import config
from node.backup.archive import BackupHeader, Part, read_header, read_parts
from node.backup.write import DATABASE_PART, HOME_PARTS
from node.clock import Clock
from node.config import Settings
from node.errors import AlreadyExistsError, VerificationError
from node.files import make_private_folder, replace_private, sync_folder
from node.home import Home
from node.identity.restore_mark import mark_restored
from node.signing.keychain import derivation
from node.store.copy import copy_in

_CHUNK: Final = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A backup that was read to its end and is as it was written."""

    header: BackupHeader
    parts: tuple[Part, ...]


def verify_backup(source: Path, passphrase: bytes) -> Verified:
    """Read a backup to its end and write nothing; raises as `node.backup.archive.read_parts` does."""
    with derivation():
        parts = read_parts(source, passphrase, lambda _name, _stream: None)
    return Verified(header=read_header(source), parts=tuple(parts))


def restore_backup(source: Path, passphrase: bytes, home: Home, *, clock: Clock, dsn: str = "") -> Verified:
    """Restore into `home`, where nothing may be; the tables go into the SQLite file of the home, or to `dsn`.

    Raises:
        AlreadyExistsError: something is in the folder, or in the database.
        VerificationError: the backup was altered or cut off, or the passphrase is wrong; nothing is left behind.
    """
    with beside(home.folder) as folder:
        made = Home(folder)
        found = unpack(source, passphrase, partial(_place, made))
        _settle_in(made, found, clock=clock, dsn=dsn)
    return found


@contextmanager
def unpacked(source: Path, passphrase: bytes, *, scratch: Path | None, clock: Clock) -> Iterator[Home]:
    """The home of a backup in a folder that is deleted afterwards; its tables are in the folder too."""
    with TemporaryDirectory(prefix="sigfed-drill-", dir=scratch) as folder:
        home = Home(Path(folder) / "home")
        make_private_folder(home.folder)
        _settle_in(home, unpack(source, passphrase, partial(_place, home)), clock=clock, dsn="")
        yield home


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A folder beside `folder`, which it becomes when the block ends well; raises `AlreadyExistsError`."""
    if folder.exists() and any(folder.iterdir()):
        raise AlreadyExistsError("{folder} is not empty", folder, hint="restore into a new folder: --home")
    make_private_folder(folder.parent)
    made = folder.with_name(f".{folder.name}.restoring")
    try:
        made.mkdir(mode=0o700)
    except FileExistsError as exc:
        raise AlreadyExistsError(
            "{made} exists: another restore is under way, or was cut off", made, hint="delete it if none is"
        ) from exc
    try:
        yield made
        os.sync()
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def unpack(source: Path, passphrase: bytes, place: Callable[[str], Path]) -> Verified:
    """Write the parts of a backup to their places; names are checked by the archive to stay inside."""

    def take(name: str, stream: BinaryIO) -> None:
        target = place(name)
        make_private_folder(target.parent)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as out:
            shutil.copyfileobj(stream, out, _CHUNK)

    with derivation():
        parts = read_parts(source, passphrase, take)
    return Verified(header=read_header(source), parts=tuple(parts))


def _place(home: Home, name: str) -> Path:
    if name == DATABASE_PART:
        return home.database
    if not name.startswith(HOME_PARTS):
        raise VerificationError("the backup holds something that is no part of a node's home")
    return home.folder / name.removeprefix(HOME_PARTS)


def _settle_in(home: Home, found: Verified, *, clock: Clock, dsn: str) -> None:
    """The configuration names the new database, never the old one or the old bucket, which another node may use."""
    settings = config.load(home.folder)
    if settings.node != found.header.node:
        raise VerificationError("the backup is of another node than it says")
    if dsn:
        copy_in(home.database, dsn)
        home.database.unlink()
    if (settings.store.dsn, settings.store.objects) != (dsn, ""):
        _point(home, settings, dsn)
    make_private_folder(home.offline_keys)  # finishing asks for holders' keys there
    mark_restored(home, backup=found.header.created, now=clock.now())


def _point(home: Home, settings: Settings, dsn: str) -> None:
    store = settings.store.model_copy(update={"dsn": dsn, "objects": ""})
    new = settings.model_copy(update={"store": store})
    replace_private(home.config, config.render(new).encode())
