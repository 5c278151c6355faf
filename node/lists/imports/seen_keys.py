"""The look-up keys one import has taken so far, in eight bytes each however many there are."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from node.store.lists.columns import Keys

_RECENT: Final = 2**18


class SeenKeys:
    """A set of 64-bit keys: a sorted array, and a small Python set of the newest that joins it when it grows."""

    def __init__(self) -> None:
        self._sorted: Keys = np.empty(0, dtype=np.int64)
        self._recent: set[int] = set()

    def __contains__(self, key: int) -> bool:
        if key in self._recent:
            return True
        at = int(np.searchsorted(self._sorted, key))
        return at < len(self._sorted) and int(self._sorted[at]) == key

    def add(self, keys: Keys) -> None:
        """Take keys in."""
        self._recent.update(keys.tolist())
        if len(self._recent) >= _RECENT:
            newest = np.fromiter(self._recent, dtype=np.int64, count=len(self._recent))
            self._sorted = np.concatenate((self._sorted, newest))
            self._sorted.sort(kind="stable")
            self._recent.clear()

    def among(self, keys: Keys) -> NDArray[np.bool_]:
        """Which of the keys were taken in before."""
        recent, found = self._recent, np.zeros(len(keys), dtype=np.bool_)
        if not recent.isdisjoint(keys.tolist()):
            found |= np.fromiter((key in recent for key in keys.tolist()), dtype=np.bool_, count=len(keys))
        if len(self._sorted):
            order = np.argsort(keys)
            at = np.searchsorted(self._sorted, keys[order])
            at[at == len(self._sorted)] = 0
            found[order] |= self._sorted[at] == keys[order]
        return found
