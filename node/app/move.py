"""Moving a node's objects out of the folder of its home into a bucket.

Each object is copied, read back and compared, while commands go on. Then, while nobody writes to the database or to the
folder, what has changed since follows, and the configuration names the bucket. A command that began before and still
knows the folder finds a file in its place, and fails instead of writing where nobody looks any more. Killed anywhere,
the same command goes on: what is there already is read and compared, and nothing else.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from node import config
from node.config import Settings, StoreSettings
from node.errors import MissingObjectError, UsageError, VerificationError
from node.files import holding_temporaries, replace_private
from node.home import Home, store_dsn
from node.identity.lease import claim_of, require_lease
from node.identity.lock import running
from node.objects.s3 import S3Objects
from node.objects.stores import open_bucket, open_objects
from node.ports.objects import ObjectStore
from node.store.copy import alone

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was moved."""

    objects: int
    bytes: int
    """All that are in the bucket now."""
    copied: int
    """Of them those that were not there before."""


def move_objects(home: Home, wanted: StoreSettings) -> Moved:
    """Move the objects of the node in `home` to the bucket that `wanted` names; its settings say so from then on.

    Raises:
        StoreLockedError: the node runs, or the objects in the bucket are another's.
        AlreadyExistsError: there are objects in the bucket that nobody says are his.
        VerificationError: what was read back is not what was written.
        UsageError: the node's objects are in another bucket.
    """
    settings = config.load(home.folder)
    with running(home):
        require_lease(home, settings)
        if settings.store.objects not in {"", wanted.objects}:
            raise UsageError("the objects are in {bucket} already", settings.store.objects)
        nothing = Moved(objects=0, bytes=0, copied=0)
        moved = nothing if settings.store.objects else _move(home, settings, wanted)
        _let_go(home)
    return moved


def _move(home: Home, settings: Settings, wanted: StoreSettings) -> Moved:
    text = config.with_store(home.folder, wanted)
    target = open_bucket(settings.model_copy(update={"store": wanted}), claim_of(home, settings))
    target.claim()
    copy = _Copy(open_objects(home, settings, claim_of(home, settings)), home.objects, target)
    copy.follow()
    with alone(store_dsn(home, settings)), holding_temporaries(home.objects, alone=True):
        copy.follow()
        copy.tidy()
        replace_private(home.config, text.encode())
        _set_aside(home)
    return Moved(
        objects=len(copy.marks), bytes=sum(mark[0] for mark in copy.marks.values()), copied=copy.copied
    )


def _let_go(home: Home) -> None:
    """Delete the folder whose objects are all in the bucket."""
    if home.objects.is_dir():  # killed after the configuration named the bucket
        _set_aside(home)
    shutil.rmtree(home.moved_objects, ignore_errors=True)


def _set_aside(home: Home) -> None:
    home.objects.rename(home.moved_objects)
    home.objects.touch(mode=0o600)


@dataclass(slots=True)
class _Copy:
    """A bucket that is made what a folder is."""

    source: ObjectStore
    folder: Path
    target: S3Objects
    marks: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Of what was copied size, time of its last change and number of its file: a new state is a new file."""
    copied: int = 0

    def follow(self) -> None:
        """Copy what is new, or another than it was."""
        now = dict(self._found())
        changed = [name for name, mark in now.items() if self.marks.get(name) != mark]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self.copied += sum(pool.map(self._copy, changed))
        self.marks = now

    def tidy(self) -> None:
        """Delete what the folder has no more, as of a move that was cut off."""
        for name in set(self.target.ls("")) - self.marks.keys():
            self.target.delete(name)

    def _found(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        for name in self.source.ls(""):
            try:
                found = (self.folder / name).stat()
            except FileNotFoundError:
                continue
            yield name, (found.st_size, found.st_mtime_ns, found.st_ino)

    def _copy(self, name: str) -> bool:
        try:
            data = self.source.get(name)
        except MissingObjectError:
            return False  # deleted just now
        if self._is(name, data):
            return False
        self.target.put(name, data)
        if not self._is(name, data):
            raise VerificationError(
                "the object store gave back other bytes than it took",
                hint="nothing was moved; the node goes on with its folder",
            )
        return True

    def _is(self, name: str, data: bytes) -> bool:
        try:
            return sha256(self.target.get(name)).digest() == sha256(data).digest()
        except MissingObjectError:
            return False
