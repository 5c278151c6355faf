"""What a node notes outside its home: how far it has signed, and which members have not said that this is all.

Bound to this start of the machine and to the folder: one that is copied, moved or made anew finds none. A note that is
missing is safe: the members are asked.
"""

import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from keys.message import pack, unpack
from node.errors import ConfigError, NotFoundError
from node.files import locked, read_private, refused, replace_private
from node.identity.identity import Identity

_RUN: Final = Path("/run/sigfed")
"""The runtime folder of the unit: commands have another temporary folder than a service."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_MOUNTS: Final = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is noted of one home."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    """What was signed, by origin; empty while too few members have answered."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """Members that did not answer when too few did, and why."""


_NOTHING: Final = Note()
_LONGEST: Final = 500
"""Characters of a reason in the file."""
_kept: dict[tuple[str, str], Note] = {}
"""Of this process, by home and what it is bound to, where there is no place outside of it."""


@dataclass(frozen=True, slots=True)
class OutsideNote:
    """The note of one home.

    What writes it raises `StoreDownError` where its place is full or cannot be written.
    """

    home: str
    """Where its folder lies."""
    of: str
    """What it is bound to."""
    path: Path | None

    @classmethod
    def of_home(cls, identity: Identity) -> Self:
        """The note of an opened node."""
        home, found = identity.home.folder.resolve(), identity.home.folder.stat()
        place = _place()
        path = None if place is None else place[0] / f"{sha256(bytes(home)).hexdigest()}.json"
        start = "" if place is None else place[1]
        bound = (
            f"{start} {found.st_dev} {found.st_ino} {identity.settings.node} {identity.settings.root_sha256}"
        )
        return cls(str(home), bound, path)

    def read(self) -> Note:
        """What is noted; nothing where that is of another folder or start."""
        if self.path is None:
            return _kept.get((self.home, self.of), _NOTHING)
        with suppress(NotFoundError, ConfigError, ValueError, LookupError, TypeError, AttributeError):
            held = json.loads(read_private(self.path))
            if held["of"] == self.of:
                return Note(
                    sizes={str(name): int(size) for name, size in held["sizes"].items()},
                    silent={str(node): unpack(why) for node, why in held["silent"].items()},
                )
        return _NOTHING

    def begin(self, sizes: Mapping[str, int]) -> None:
        """Note that enough members have answered, with what was signed by then."""
        with self._alone():
            held = self.read()
            self._write(held, _raised(held, sizes))

    def grow(self, sizes: Mapping[str, int]) -> None:
        """Note what was signed since; nothing before enough members have answered.

        What is signed alone, or by a signer that is held while the note is dropped, would else pass for their answer.
        """
        with self._alone():
            held = self.read()
            if held.sizes:
                self._write(held, _raised(held, sizes))

    def leave(self, silent: Mapping[str, str]) -> None:
        """Note who did not answer; what the members have answered before, stands."""
        with self._alone():
            held = self.read()
            if not held.sizes:
                self._write(held, Note(silent=dict(silent)))

    def drop(self) -> None:
        """Forget what is noted."""
        with self._alone():
            _kept.pop((self.home, self.of), None)
            if self.path is not None:
                self.path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One lock for all notes of a place, so that none is left over of a home that is gone."""
        if self.path is None:
            yield
            return
        try:
            with locked(self.path.with_name("lock")):
                yield
        except OSError as exc:
            raise refused(str(self.path.parent), exc) from exc

    def _write(self, held: Note, new: Note) -> None:
        if self.path is None:
            _kept[self.home, self.of] = new
            return
        form = _packed(new)
        if form == _packed(held):
            return
        if held == _NOTHING:
            _drop_of_gone_homes(self.path.parent)
        replace_private(self.path, json.dumps({"home": self.home, "of": self.of, **form}).encode())


def silent(identity: Identity) -> Mapping[str, str]:
    """Members for which additions wait, and why they do not answer; none where it goes on alone."""
    return {} if identity.alone else OutsideNote.of_home(identity).read().silent


def _packed(note: Note) -> Mapping[str, Mapping[str, object]]:
    """As it stands in the file, where a long reason is cut."""
    return {
        "sizes": dict(note.sizes),
        "silent": {node: pack(why, _LONGEST) for node, why in note.silent.items()},
    }


def _raised(held: Note, sizes: Mapping[str, int]) -> Note:
    """Of two processes that note at once, the larger numbers stay."""
    known = held.sizes
    return Note(sizes={**known, **{name: max(size, known.get(name, 0)) for name, size in sizes.items()}})


def _drop_of_gone_homes(place: Path) -> None:
    for path in place.glob(f"{'[0-9a-f]' * 64}.json"):
        try:
            Path(json.loads(read_private(path))["home"]).stat()
        except (FileNotFoundError, NotADirectoryError, NotFoundError, ValueError, LookupError, TypeError):
            path.unlink(missing_ok=True)
        except (OSError, ConfigError):
            continue  # a home that cannot be looked at may be there, and what is no note of ours stays


def _place() -> tuple[Path, str] | None:
    """The folder of all notes, and of which start of the machine they are; None where no folder of ours says that."""
    for place in _places():
        if (start := _start(place)) is not None:
            return place, start
    return None


def _places() -> Iterator[Path]:
    if _is_ours(_RUN):
        yield _RUN
    if (runtime := os.environ.get("XDG_RUNTIME_DIR")) and _made(place := Path(runtime, "sigfed")):
        yield place
    if _made(place := Path(tempfile.gettempdir(), f"sigfed-{os.geteuid()}")):
        yield place


def _start(place: Path) -> str | None:
    """What binds a note there to this start of the machine; None where nothing does.

    What is in memory goes with the start by itself. In containers a folder of any of these names may be one on a disk:
    there the start has a number, which a service may be kept from reading.
    """
    with suppress(OSError):
        if _is_in_memory(place):
            return ""
        return _BOOT.read_text(encoding="ascii").strip() or None
    return None


def _is_in_memory(place: Path) -> bool:
    device = place.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = (line.split() for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines())
    return any(mount[2] == number and mount[mount.index("-") + 1] == "tmpfs" for mount in mounts)


def _made(place: Path) -> bool:
    with suppress(OSError):
        place.mkdir(mode=0o700, exist_ok=True)
    return _is_ours(place)


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
