"""Which PDQ values are near others: at most so many of 256 bits differ (Hamming distance).

Every value is compared with every other, in blocks that stay in a processor's cache: exactly, and without an index to
keep. Near means alike and not the same: who acts on it looks first. PDQ's authors recommend 31 as the most.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from node.hashing.distance import RECOMMENDED

_BLOCK: Final = 32 * 1024
"""Values compared at once: 1 MiB."""

Values = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Near:
    """Two values that are near."""

    asked: int
    """Place of the one among those asked about."""
    listed: int
    """Place of the other among those listed."""
    distance: int


def near(listed: Values, asked: Values, *, most: int = RECOMMENDED) -> Iterator[Near]:
    """All pairs at most `most` bits apart: by the asked value, the nearest first."""
    for place, value in enumerate(asked):
        found = [
            Near(place, start + int(at), int(distance))
            for start in range(0, len(listed), _BLOCK)
            for at, distance in _in_block(listed[start : start + _BLOCK], value, most)
        ]
        yield from sorted(found, key=lambda pair: (pair.distance, pair.listed))


def _in_block(block: Values, value: Values, most: int) -> Iterator[tuple[int, int]]:
    distances = np.bitwise_count(block ^ value).sum(axis=1, dtype=np.uint16)
    for at in np.flatnonzero(distances <= most).tolist():
        yield at, int(distances[at])
