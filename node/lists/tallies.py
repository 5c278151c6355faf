"""What was said in an own list, counted by time: from the public headers of its events, which tell no hash."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from node.objects.logfiles import LogFiles
from node.store.lists.records import LogRecord
from node.store.store import Store
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import SHRED, Op
from protocol.lists.sequence import EVENT

_EVENT: Final = np.dtype([("length", ">u2"), *EVENT.descr])
"""An event in a bundle, behind its length."""
_BITS: Final = 16
_TOGETHER: Final = 16
"""Bundles that are counted at once."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Events of one list by time slot, collection and what they do."""

    counts: Mapping[tuple[int, int, int, bool], int]
    """By slot (0: before the first edge), collection, op, and whether it shreds."""

    @property
    def collections(self) -> list[int]:
        """The collections that anything was said in."""
        return sorted({collection for _, collection, _, _ in self.counts})

    def count(
        self, op: Op, *, slots: range, collection: int | None = None, shredding: bool | None = None
    ) -> int:
        """Events of a kind in some slots, in one collection or all."""
        return sum(
            count
            for (slot, found, kind, shreds), count in self.counts.items()
            if slot in slots and kind == op and collection in {None, found} and shredding in {None, shreds}
        )

    def in_force(self, *, slot: int, collection: int | None = None) -> int:
        """Entries that were added and not withdrawn at the end of a slot."""
        until = range(slot + 1)
        added = self.count(Op.ADD, slots=until, collection=collection)
        return added - self.count(Op.WITHDRAW, slots=until, collection=collection)


def tally(store: Store, log: LogRecord, edges_ms: Sequence[int]) -> Tally:
    """Count the published events of a list; slot n begins with the nth edge.

    A few bundles are held at a time: 14 kB each, whatever the size of the list.
    """
    return _tally(_Bundles(store, log), edges_ms, first=0)


def tally_since(store: Store, log: LogRecord, edges_ms: Sequence[int]) -> Tally:
    """The same from the first edge on alone, for an own list, whose times never fall: older bundles are not read."""
    bundles = _Bundles(store, log)
    first = bisect_left(
        range(bundles.count), edges_ms[0], key=lambda index: int(bundles[index]["time_ms"][-1])
    )
    found = _tally(bundles, edges_ms, first=first)
    return Tally({key: count for key, count in found.counts.items() if key[0] > 0})


class _Bundles:
    """The published events of a list, a bundle at a time."""

    def __init__(self, store: Store, log: LogRecord) -> None:
        self._files = LogFiles(store.objects, store.vault, log.origin)
        self._size = log.head.size
        self.count = -(-self._size // BUNDLE_WIDTH)

    def __getitem__(self, index: int) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
        return np.frombuffer(self._entries(index), dtype=_EVENT)

    def from_on(self, first: int) -> Iterator["np.ndarray[tuple[int], np.dtype[np.void]]"]:
        """The events from a bundle on, those of a few bundles together."""
        for start in range(first, self.count, _TOGETHER):
            few = range(start, min(start + _TOGETHER, self.count))
            yield np.frombuffer(b"".join(map(self._entries, few)), dtype=_EVENT)

    def _entries(self, index: int) -> bytes:
        width = min(BUNDLE_WIDTH, self._size - index * BUNDLE_WIDTH)
        return self._files.entries(index, width, size=self._size)


def _tally(bundles: _Bundles, edges_ms: Sequence[int], *, first: int) -> Tally:
    edges, found = np.array(edges_ms), Counter[int]()
    for events in bundles.from_on(first):
        slots = np.searchsorted(edges, events["time_ms"].astype(np.int64), side="right")
        shreds = (events["flags"] & SHRED).astype(np.int64)
        codes = (slots << _BITS | events["collection"]) << _BITS | events["op"].astype(np.int64) << 1 | shreds
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            found[int(code)] += int(count)
    return Tally({_key(code): count for code, count in found.items()})


def _key(code: int) -> tuple[int, int, int, bool]:
    low = code & (1 << _BITS) - 1
    return code >> 2 * _BITS, code >> _BITS & (1 << _BITS) - 1, low >> 1, bool(low & 1)
