"""How files are hashed: what is looked into, the named way to PDQ, and the bounds that hostile files meet.

A plan is a value: it goes to worker processes, and callers can keep its profile beside the hashes it made.
"""

import importlib.util
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MISSING_IMAGES: Final = (
    "PDQ hashes of pictures need one more package:"
    " pip install 'FILE[images]', of the file that sigfed was installed from"
)
"""What to tell whoever wants PDQ where `images_installed` is false."""


_STEP_BYTES: Final = 64 * 2**20
_MOST_SECONDS: Final = 24 * 3600.0


WAY: Final = 2
"""Raised with every change of what is found in the same file: what was hashed in another way has to be read again."""


class Profile(StrEnum):
    """What happens to a picture before PDQ; values of different profiles differ by a few bits."""

    FULL = "pdq/1/full"
    """Nothing: PDQ of all pixels, as `pdqhash` and ThreatExchange compute it."""
    MAX1024 = "pdq/1/max1024"
    """Scaled down until the longer side has at most 1024 pixels: faster, and up to some ten bits off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits for one file; beyond one, a fault says so and the exact hashes of the file stand."""

    picture_bytes: int = 64 * 2**20
    """Size of an encoded picture: it is held in memory."""
    pixels: int = 100_000_000
    """Width times height, read before a pixel is decoded (decompression bombs)."""
    frames: int = 8
    """Pictures of an animation that are hashed, spread evenly over it."""
    archive_bytes: int = 256 * 2**20
    """Size of an archive in a stream: it is held in memory. Files are not bound by it."""
    members: int = 10_000
    """Members of an archive that are looked at."""
    unpacked_bytes: int = 2 * 2**30
    """Bytes of all members together."""
    ratio: int = 200
    """Unpacked against packed bytes, from the first 16 MiB unpacked on."""
    seconds: float = 60.0
    """Wall time of a worker process for a file of up to 64 MiB, for each further 64 MiB as much more, at most a day."""
    memory_bytes: int = 4 * 2**30
    """Address space of a worker process."""


def seconds_for(size: int, bounds: Bounds) -> float:
    """Wall time for a file of so many bytes; a sparse file can say that it has exabytes."""
    return min(bounds.seconds * (1 + size // _STEP_BYTES), _MOST_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class HashPlan:
    """What is hashed; the default looks into everything."""

    images: bool = True
    """PDQ of pictures; where the `images` extra is missing, each picture is a fault."""
    archives: bool = True
    """Members of archives, one level deep."""
    profile: Profile = Profile.FULL
    bounds: Bounds = field(default_factory=Bounds)


def images_installed() -> bool:
    """Whether the package of the `images` extra is there; does not import it."""
    return importlib.util.find_spec("PIL") is not None
