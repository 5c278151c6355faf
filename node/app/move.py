"""Moving a node's objects out of the folder of its home into a bucket.

The bucket is claimed, empty, and a note in the home says where the move goes. Each object is copied, read back and
compared, while commands go on. Then, while nobody writes to the database or to the folder, what has changed since
follows; the folder is renamed and a file put in its place, so that a command which began before fails instead of
writing where nobody looks any more; and last the configuration names the bucket. Only what the move itself renamed is
deleted, and only when the note says that every object of it is in the bucket. Killed anywhere, the same command goes on
from the note.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from node import config
from node.config import Settings, StoreSettings
from node.errors import (
    ConflictError,
    MissingObjectError,
    NotFoundError,
    StoreDownError,
    UsageError,
    VerificationError,
)
from node.files import (
    create_private,
    decode_state,
    encode_state,
    holding_temporaries,
    read_private,
    remove_private,
    replace_private,
)
from node.home import Home, store_dsn
from node.identity.lease import claim_of, require_lease
from node.identity.lock import running
from node.objects.stores import open_bucket, open_source, placing, require_no_folder
from node.ports.objects import ObjectStore
from node.store.copy import alone

if TYPE_CHECKING:
    from node.objects.s3 import S3Objects

_AT_ONCE: Final = 16
_LARGE_BYTES: Final = 8 * 2**20
_ROUNDS: Final = 4
_FEW: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was moved."""

    objects: int
    bytes: int
    """All that are in the bucket now."""
    copied: int
    """Of them those that were not there before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the home says of a move that has begun."""

    to: str
    """The bucket."""
    whole: bool = False
    """Whether all of what was renamed is in it."""


def noted(home: Home) -> Note | None:
    """The move that has begun in `home` and has not ended; raises `StoreDownError` where that cannot be read."""
    try:
        fields = decode_state(read_private(home.moving))
        return Note(to=str(fields["to"]), whole=fields["whole"] is True)
    except NotFoundError:
        return None
    except (ValueError, KeyError):
        raise StoreDownError(
            "{path} is damaged", home.moving, hint="delete it, then sigfed store move to another prefix"
        ) from None


def require_moved(home: Home, settings: Settings) -> None:
    """See to a configuration that names the bucket because a move has ended; raises `AlreadyExistsError`."""
    note = noted(home)
    require_no_folder(settings, home.objects)
    if note is None or not note.whole:
        require_no_folder(settings, home.moved_objects)


def move_objects(home: Home, wanted: StoreSettings) -> Moved:
    """Move the objects of the node in `home` to the bucket that `wanted` names; its settings say so from then on.

    Raises:
        StoreLockedError: the node runs, or the objects in the bucket are another's.
        AlreadyExistsError: objects are in the bucket that no move of this home wrote; or in the folder, though the
            configuration names the bucket.
        VerificationError: what was read back is not what was written.
        UsageError: the node's objects are in another bucket, or a move to another was cut off.
        ConflictError: somebody changed where the configuration says that tables or objects are.
    """
    settings = config.load(home.folder)
    at, to = settings.store.objects.rstrip("/"), wanted.objects.rstrip("/")
    with running(home):
        require_lease(home, settings)
        note = noted(home)
        if at not in {"", to}:
            raise UsageError("the objects are in {bucket} already", at)
        if note is not None and note.to != to:
            raise UsageError(
                "a move to {bucket} was cut off: what it wrote is there still",
                note.to,
                hint="end it: sigfed store move to that bucket; or delete everything below that prefix with the"
                " program of the store, then objects-moving.json in the home",
            )
        require_moved(home, settings)
        nothing = Moved(objects=0, bytes=0, copied=0)
        moved = nothing if at else _move(home, settings, wanted, begun=note is not None)
        _let_go(home)
    return moved


def _move(home: Home, settings: Settings, wanted: StoreSettings, *, begun: bool) -> Moved:
    config.with_store(home.folder, wanted)  # what cannot be written is said before anything is copied
    target = open_bucket(settings.model_copy(update={"store": wanted}), claim_of(home, settings))
    target.claim(begun=begun)
    _write_note(home, wanted, whole=False)
    source, folder = open_source(home)
    copy = _Copy(source, folder, target)
    copy.approach()
    with alone(store_dsn(home, settings)), holding_temporaries(folder, alone=True):
        copy.follow()
        copy.tidy()
        if config.load(home.folder).store != settings.store:
            raise ConflictError("[store] in sigfed.toml was changed meanwhile", hint="run the command again")
        text = config.with_store(home.folder, wanted)
        _set_aside(home)
        _write_note(home, wanted, whole=True)
        replace_private(home.config, text.encode())
    return Moved(
        objects=len(copy.marks), bytes=sum(mark[0] for mark in copy.marks.values()), copied=copy.copied
    )


def _write_note(home: Home, wanted: StoreSettings, *, whole: bool) -> None:
    replace_private(home.moving, encode_state({"to": wanted.objects.rstrip("/"), "whole": whole}))


def _set_aside(home: Home) -> None:
    """Give the folder another name, and its name to a file: nobody makes it anew meanwhile."""
    with placing(home):
        if home.objects.is_dir():
            home.objects.rename(home.moved_objects)
        if not home.objects.exists():
            create_private(home.objects, b"")


def _let_go(home: Home) -> None:
    """Delete the folder whose objects are all in the bucket, then the note."""
    if home.moved_objects.exists():
        try:
            shutil.rmtree(home.moved_objects)
        except OSError as exc:
            raise StoreDownError(
                "{folder} cannot be deleted: {reason}",
                home.moved_objects,
                exc.strerror or "it failed",
                hint="its objects are in the bucket; do the same again, so that nothing shredded stays in it",
            ) from exc
    remove_private(home.moving)


@dataclass(slots=True)
class _Copy:
    """A bucket that is made what a folder is."""

    source: ObjectStore
    folder: Path
    target: "S3Objects"
    marks: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Of what was copied size, time of its last change and number of its file: a new state is a new file."""
    there: set[str] = field(default_factory=set)
    """What may be in the bucket."""
    copied: int = 0
    one_large: Lock = field(default_factory=Lock)
    """Held while a large object is in memory: twice, as it was read and as it came back."""

    def approach(self) -> None:
        """Copy until little is left that others change meanwhile."""
        self.there = set(self.target.ls(""))
        for _ in range(_ROUNDS):
            if self.follow() < _FEW:
                return

    def follow(self) -> int:
        """Copy what is new, or another than it was; returns how many."""
        now = dict(self._found())
        changed = [name for name, mark in now.items() if self.marks.get(name) != mark]
        self.there |= now.keys()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self.copied += sum(pool.map(self._copy, changed, (now[name][0] for name in changed)))
        self.marks = now
        return len(changed)

    def tidy(self) -> None:
        """Delete what this move wrote and the folder has no more."""
        for name in self.there - self.marks.keys():
            self.target.delete(name)

    def _found(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        for name in self.source.ls(""):
            try:
                found = (self.folder / name).stat()
            except FileNotFoundError:
                continue
            yield name, (found.st_size, found.st_mtime_ns, found.st_ino)

    def _copy(self, name: str, size: int) -> bool:
        with self.one_large if size > _LARGE_BYTES else nullcontext():
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
