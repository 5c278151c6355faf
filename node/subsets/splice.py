"""From the answers of a release to those of the next: which go, and where new ones come, for all that has their order.

Nothing is read or copied but what it has to be: values and marks once, labels not at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.encoding import Octets


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
        return np.concatenate([old[:0], *((new if is_new else old)[at] for is_new, at in self._runs(1))])

    def octets(self, old: Octets, new: Octets, item_bytes: int) -> Sequence[Octets]:
        """The same of items of so many bytes: what lies one behind the other, where it is."""
        views = memoryview(old), memoryview(new)
        return [views[is_new][at] for is_new, at in self._runs(item_bytes)]

    def _runs(self, width: int) -> Iterator[tuple[bool, slice]]:
        """What of the new and of the old sequence comes one after the other, of items of this width."""
        steps = [(at, at, number) for number, at in enumerate(self.came.tolist())]
        steps += [(at, at + 1, -1) for at in self.gone.tolist()]
        start = 0
        for end, following, number in [*sorted(steps), (self.count, self.count, -1)]:
            if end > start:
                yield False, slice(start * width, end * width)
            if number >= 0:
                yield True, slice(number * width, (number + 1) * width)
            start = following
