"""From the answers of a release to those of the next: which go, and where new ones come, for all that has their order.

Nothing is read or copied but what it has to be: values and marks once, labels not at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray


class Fate(Enum):
    """What becomes of items."""

    STAYS = auto()
    GOES = auto()
    COMES = auto()


Run: TypeAlias = tuple[Fate, slice]
"""What becomes of items that lie one behind the other: of new ones by their number, else by their old place."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Splice:
    """A sequence without some of its items, and with new ones."""

    count: int
    """Items of the old sequence."""
    gone: NDArray[np.intp] = field(repr=False)
    """Places in the old one, ascending."""
    came: NDArray[np.intp] = field(repr=False)
    """Places in the old one that new items come before, not descending."""

    @property
    def places(self) -> NDArray[np.intp]:
        """Those of the new items in the new sequence."""
        gone_before = np.searchsorted(self.gone, self.came)
        found: NDArray[np.intp] = self.came - gone_before + np.arange(len(self.came))
        return found

    def values(self, old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        """The items of the new sequence."""
        stretches = {Fate.STAYS: old, Fate.COMES: new}
        kept = [stretches[fate][at] for fate, at in self.runs() if fate in stretches]
        return np.concatenate([old[:0], *kept])

    def runs(self, width: int = 1) -> Iterator[Run]:
        """What of the new and of the old sequence comes one after the other, of items of this width."""
        steps = [(at, at, number) for number, at in enumerate(self.came.tolist())]
        steps += [(at, at + 1, -1) for at in self.gone.tolist()]
        start = 0
        for end, following, number in [*sorted(steps), (self.count, self.count, -1)]:
            if end > start:
                yield Fate.STAYS, slice(start * width, end * width)
            if number >= 0:
                yield Fate.COMES, slice(number * width, (number + 1) * width)
            elif following > end:
                yield Fate.GOES, slice(end * width, following * width)
            start = following
