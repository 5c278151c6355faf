"""Writing a backup of a home while its node runs: everything of one moment, in one encrypted file.

While nobody can write to the database, every file is held fast by a second name (files here are replaced, never
rewritten), which takes no time and no space; then everybody goes on, and the copy is made at leisure. A key that is
destroyed meanwhile is overwritten under both names, and left out. Not in a backup: root and targets keys unless they
are asked for, passphrase files, locks, and what can be fetched or made again.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keys.keyfile import KdfProfile
from node import config
from node.backup.archive import Part, Sealing, named, writing
from node.config import Secrets, Settings
from node.errors import ConflictError, StoreError, StoreLockedError
from node.files import make_private_folder, try_locked
from node.home import Home, store_dsn
from node.hoster.store.database import PartnerStore
from node.identity.audit import under_way
from node.identity.identity import Identity
from node.identity.lease import claim_of
from node.identity.lock import revising
from node.objects.stores import open_bucket
from node.signing.keychain import derivation
from node.store.copy import copy_out

if TYPE_CHECKING:
    from node.backup.mirror import Mirror

DATABASE_PART: Final = "database.sqlite"
HOME_PARTS: Final = "home/"
_SALT_BYTES: Final = 16
_FIRST: Final = ("ring.json",)
"""Held fast before all others: every key that the ring names has its file by then."""
_STAGING: Final = "staging/"
_KEYS: Final = "keys/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was written."""

    path: Path
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size


def create_backup(
    identity: Identity, target: Path, *, passphrase: bytes, profile: KdfProfile, offline_keys: bool = False
) -> Backup:
    """Write the node's backup to `target`, a new file, or a folder in which it is named by node and time.

    Raises:
        AlreadyExistsError: the file is there; nothing is overwritten.
        StoreLockedError: another backup is being written.
        ConflictError: the objects were moved while it was begun, or a move of them was cut off.
    """
    home, settings, now = identity.home, identity.settings, identity.clock.now()
    target = named(target, settings.node, now)
    sealing = Sealing(passphrase=passphrase, profile=profile, salt=identity.entropy(_SALT_BYTES))
    with _scratch(home) as scratch:
        held, database = scratch / "home", scratch / DATABASE_PART
        held.mkdir(mode=0o700)
        left_out = _left_out(home, settings, offline_keys=offline_keys) | under_way(identity)
        mirror = _mirror(home, settings, held)
        if mirror is not None:
            mirror.approach()

        def at_that_moment() -> None:
            _require_unmoved(home, settings)
            _hold_fast(home, held, left_out)
            if mirror is not None:
                mirror.follow()

        with revising(home):
            copy_out(store_dsn(home, settings), database, at_that_moment=at_that_moment)
        with derivation(), writing(target, node=settings.node, created=now, sealing=sealing) as archive:
            archive.add(DATABASE_PART, database)
            for name in _files(held):
                if not _is_destroyed(held, name):
                    archive.add(HOME_PARTS + name, held / name)
            parts = archive.parts
    return Backup(path=target, parts=tuple(parts))


def _require_unmoved(home: Home, settings: Settings) -> None:
    """What is left out was decided before somebody typed a passphrase, and a move may have ended since."""
    folder, bucket = home.objects, settings.store.objects
    aside = folder.is_dir() if bucket else folder.is_file() or home.moved_objects.exists()
    if aside or config.load(home.folder).store != settings.store:
        raise ConflictError(
            "the objects were moved meanwhile, or a move of them was cut off",
            hint="do the same again; if it does not help, see sigfed doctor",
        )


def _mirror(home: Home, settings: Settings, held: Path) -> "Mirror | None":
    """What brings objects here that are in a bucket."""
    if not settings.store.objects:
        return None
    from node.backup.mirror import Mirror  # noqa: PLC0415 - few nodes have a bucket

    objects = open_bucket(settings, claim_of(home, settings))
    return Mirror(objects, held / home.objects.name, without=_STAGING)


@contextmanager
def _scratch(home: Home) -> Iterator[Path]:
    """A folder for this backup alone; what one that was killed left in it goes first."""
    make_private_folder(home.scratch)
    with try_locked(home.scratch_lock) as free:
        if not free:
            raise StoreLockedError("another backup of this node is being written", hint="wait for it")
        shutil.rmtree(home.scratch)
        home.scratch.mkdir(mode=0o700)
        try:
            yield home.scratch
        finally:
            shutil.rmtree(home.scratch, ignore_errors=True)


def _left_out(home: Home, settings: Settings, *, offline_keys: bool) -> frozenset[Path]:
    secrets: Secrets = settings.secrets
    objects = home.objects if settings.store.objects else home.objects / _STAGING
    moved = {home.moved_objects, home.moved_database, home.moving}
    found = {home.scratch, objects, *moved, home.restored}
    found |= {home.database.with_name(home.database.name + end) for end in ("", "-wal", "-shm")}
    found |= {path for path in secrets.paths if path is not None}
    return frozenset(found if offline_keys else found | {home.offline_keys})


def _hold_fast(home: Home, held: Path, left_out: frozenset[Path]) -> None:
    names = list(_files(home.folder, left_out))
    rewritten = set(_rewritten(home))  # after the names: what came since is in neither
    journals = {path.with_name(f"{path.name}-journal") for path in rewritten}
    for name in [
        *(name for name in _FIRST if name in names),
        *(name for name in names if name not in _FIRST),
    ]:
        source, target = home.folder / name, held / name
        make_private_folder(target.parent)
        if source in rewritten:
            _copy(source, target)
        elif source not in journals:
            _hold(source, target)


def _rewritten(home: Home) -> list[Path]:
    """What this agency keeps as a client of other members: rows in a file, which a second name would not hold fast."""
    return [PartnerStore(asker.partner).path for asker in home.askers]


def _copy(source: Path, target: Path) -> None:
    try:
        PartnerStore(source.parent).copy(target)
    except StoreLockedError:
        raise
    except StoreError:  # damaged, or gone just now: one client's rows end no backup of the agency
        with suppress(FileNotFoundError):
            shutil.copyfile(source, target)


def _hold(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError:
        return  # it was replaced or deleted just now, which nobody does to what the database names
    except OSError:  # a file system without second names
        shutil.copyfile(source, target, follow_symlinks=False)


def _is_destroyed(held: Path, name: str) -> bool:
    """Whether a key file was overwritten since it was held fast: what restores it would find a damaged one."""
    return name.startswith(_KEYS) and not any((held / name).read_bytes())


def _files(folder: Path, left_out: frozenset[Path] = frozenset()) -> Iterator[str]:
    """Names of the files in a folder that are no locks and not half written, sorted."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(at, name) not in left_out and name[0] != ".")
        for name in sorted(names):
            path = Path(at, name)
            if path in left_out or name[0] == "." or name.endswith(".lock") or not path.is_file():
                continue
            if not path.is_symlink():
                yield path.relative_to(folder).as_posix()
