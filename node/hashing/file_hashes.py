"""What the hashes of one file are: of its bytes, of the pictures in it, of what an archive holds.

Decides the names of parts. Every part stands for itself: whoever judges a file judges each of them.
"""

from dataclasses import dataclass, field

from protocol.digest import Digest


@dataclass(frozen=True, slots=True)
class Part:
    """Something with hashes of its own, and its digests: MD5, SHA-1, SHA-256, then the PDQ values of a picture.

    `name` is empty for the file itself, `inner.jpg` for a member of an archive, `#2` for the second picture of an
    animation (`inner.gif#2` inside an archive). Names of members are a stranger's text without control characters; of
    several alike, the later ones are numbered (`inner.jpg (2)`), so that no two parts of a file have one name.
    A picture that its EXIF data turns has two PDQ values: as it is stored, then as it is shown. A later picture of an
    animation has PDQ alone.
    """

    name: str
    digests: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A part that could not be looked at, or not wholly, and why, in words; `name` as in `Part`."""

    name: str
    reason: str

    @property
    def words(self) -> str:
        """What could not be looked at, and why."""
        return f"{self.name}: {self.reason}" if self.name else self.reason


class ArchiveError(Exception):
    """An archive that is looked at no further; the text says why."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file: its size in bytes, its parts and what could not be looked at. No parts: it is empty."""

    size: int
    parts: tuple[Part, ...]
    faults: tuple[Fault, ...] = ()
    mark: str = field(default="", compare=False)
    """`mark_of` the very file that was read, at its end; empty: that does not tell, or it lies in no folder."""
