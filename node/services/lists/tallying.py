"""What was said in an own list, counted by time: from the public headers of its events, which tell no hash."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from node.ports.logs import LogRecord
from node.services.storage.logfiles import LogFiles
from node.services.storage.shelf import Shelf
from protocol.event import SHRED, Op
from protocol.limits import BUNDLE_WIDTH

_EVENT: Final = np.dtype(
    [
        ("length", ">u2"),
        ("version", "u1"),
        ("op", "u1"),
        ("collection", ">u2"),
        ("algorithm", "u1"),
        ("flags", "u1"),
        ("reserved", ">u2"),
        ("time_ms", ">u8"),
        ("ref", ">u8"),
        ("commitment", "V32"),
    ]
)
"""An event in a bundle: its length, the header, the commitment."""
_BITS: Final = 16


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


def tally(shelf: Shelf, log: LogRecord, edges_ms: Sequence[int]) -> Tally:
    """Count the published events of a list; slot n begins with the nth edge.

    A bundle is held at a time: 14 kB, whatever the size of the list.
    """
    files, size, edges = LogFiles(shelf.objects, shelf.vault, log.origin), log.head.size, np.array(edges_ms)
    found: Counter[int] = Counter()
    for index in range(-(-size // BUNDLE_WIDTH)):
        width = min(BUNDLE_WIDTH, size - index * BUNDLE_WIDTH)
        events = np.frombuffer(files.entries(index, width, size=size), dtype=_EVENT)
        slots = np.searchsorted(edges, events["time_ms"].astype(np.int64), side="right")
        shreds = (events["flags"] & SHRED).astype(np.int64)
        codes = (slots << _BITS | events["collection"]) << _BITS | events["op"].astype(np.int64) << 1 | shreds
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            found[int(code)] += int(count)
    return Tally({_key(code): count for code, count in found.items()})


def _key(code: int) -> tuple[int, int, int, bool]:
    low = code & (1 << _BITS) - 1
    return code >> 2 * _BITS, code >> _BITS & (1 << _BITS) - 1, low >> 1, bool(low & 1)
