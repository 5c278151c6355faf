"""The screen of a release as a value that travels to other machines: all that is needed to clear most files.

It holds no key and no address, and no hash can be read from it: whoever has it and a file can tell that the file is
probably on the list, which is what every partner's machine can.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from node.errors import UsageError
from node.files import replace_private
from protocol.digest import Algorithm
from protocol.subset.lookup import Screening
from protocol.subset.release import Release

_MAGIC: Final = b"sigfed-screen-1\n"
_SEVERAL: Final = b"sigfed-screen-2\n"
"""Of a file with the screens of several subsets, or of pictures: as many as follow, each behind its length."""
_VALUE_BYTES: Final = 8
_HEAD_BYTES: Final = 16
_PICTURES: Final = 0x100
"""Beside the width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Made by `Client.screen`; can be pickled, or saved for machines that share no memory."""

    version: int
    """Of the release that it is of."""
    width: int
    """Bits of a value; 0: there is no screen, and every file survives."""
    values: bytes = field(repr=False)
    """Sorted, 8 bytes each, little-endian."""
    pictures: bool = False
    """Of PDQ values alone: where no pictures are hashed, every file would look clean."""
    others: tuple["Screen", ...] = ()
    """Where several subsets are followed, those of the others: a file survives if one of them does not clear it."""

    def save(self, path: str | Path) -> None:
        """Write it to a file of this user's alone, whole or not at all: half of it would clear what is listed."""
        if not self.others and not self.pictures:
            replace_private(Path(path), _MAGIC + _to_bytes(self))
            return
        screens = map(_to_bytes, (self, *self.others))
        each = (len(screen).to_bytes(8, "little") + screen for screen in screens)
        replace_private(Path(path), _SEVERAL + b"".join(each))

    @classmethod
    def load(cls, path: str | Path) -> "Screen":
        """Read what `save` wrote; raises `UsageError` for another file, and OSError."""
        data = Path(path).read_bytes()
        kind, rest = data[: len(_MAGIC)], data[len(_MAGIC) :]
        screens = [_from_bytes(rest)] if kind == _MAGIC else []
        while kind == _SEVERAL and rest:
            size, rest = int.from_bytes(rest[:8], "little"), rest[8:]
            screens.append(_from_bytes(rest[:size]) if size <= len(rest) else None)
            rest = rest[size:]
        read = [screen for screen in screens if screen is not None]
        if not read or len(read) < len(screens):
            raise UsageError("{path} is not a screen", path, hint="write one with Client.screen().save(PATH)")
        return replace(read[0], others=tuple(read[1:]))

    def require_tried(self, *, images: bool) -> None:
        """Raise `UsageError` where a release of PDQ values would clear every file, because no `images` are hashed."""
        if not images and any(each.pictures for each in (self, *self.others)):
            raise UsageError(
                "the screen is of PDQ values, and no pictures are hashed by this plan",
                hint="plan=HashPlan(images=True), or name another subset: Client(subset=NAME).screen()",
            )


def _to_bytes(screen: Screen) -> bytes:
    width = screen.width | (_PICTURES if screen.pictures else 0)
    return screen.version.to_bytes(8, "little") + width.to_bytes(8, "little") + screen.values


def _from_bytes(data: bytes) -> Screen | None:
    """None for what is no screen."""
    version, word = (int.from_bytes(data[at : at + 8], "little") for at in (0, 8))
    width = word & ~_PICTURES
    if len(data) < _HEAD_BYTES or (len(data) - _HEAD_BYTES) % _VALUE_BYTES or width > 64:
        return None
    pictures = bool(word & _PICTURES)
    return Screen(version=version, width=width, values=data[_HEAD_BYTES:], pictures=pictures)


def screen_of(release: Release, version: int) -> Screen:
    """The screen of a release."""
    values = release.screen.astype("<u8").tobytes()
    kinds = release.filter.algorithms if release.filter is not None else frozenset()
    pictures = kinds == {Algorithm.PDQ}
    return Screen(version=version, width=release.manifest.screen_width, values=values, pictures=pictures)


@lru_cache(maxsize=2)
def screenings(screen: Screen) -> tuple[Screening, ...]:
    """The screens ready to be asked, made once a process: two, because an update replaces one while tasks run."""
    return tuple(
        Screening(np.frombuffer(each.values, dtype="<u8").astype(np.uint64), each.width)
        for each in (screen, *screen.others)
    )
