"""Which events of a held list were ended, and by which: their headers say it to everybody, whatever is opened.

Sixteen bytes an ending, whatever the size of the list.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from node.objects.logfiles import LogFiles
from protocol.limits import BUNDLE_WIDTH, EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import Header, Op

_ENDING: Final = (int(Op.WITHDRAW), int(Op.RESOLVE))
_OP: Final = 1
"""Place of the op in an event."""


@dataclass(frozen=True, slots=True)
class Endings:
    """The endings of one list at one size."""

    refs: NDArray[np.int64]
    """Positions of what was ended, ascending; one that was ended twice is there twice."""
    by: NDArray[np.int64]
    """Positions of what ended it, the first one first."""

    @classmethod
    def of(cls, files: LogFiles, size: int) -> Self:
        """Those of the list at `size`; reads all of its entries."""
        refs, by = array("q"), array("q")
        for position, event in _candidates(files, size):
            header = Header.from_bytes(event[:HEADER_BYTES])
            if header.known:
                refs.append(header.ref)
                by.append(position)
        found = np.frombuffer(refs, dtype=np.int64)
        order = np.argsort(found, kind="stable")
        return cls(found[order], np.frombuffer(by, dtype=np.int64)[order])

    def within(self, first: int, end: int) -> dict[int, int]:
        """What was ended of the events from `first` up to `end`, each with what ended it first."""
        span = slice(*np.searchsorted(self.refs, [first, end]).tolist())
        ended: dict[int, int] = {}
        for ref, by in zip(self.refs[span].tolist(), self.by[span].tolist(), strict=True):
            ended.setdefault(ref, by)
        return ended


def _candidates(files: LogFiles, size: int) -> Iterator[tuple[int, bytes]]:
    for index in range(-(-size // BUNDLE_WIDTH)):
        events = files.events(index, size=size)
        table = np.frombuffer(b"".join(events), dtype=np.uint8).reshape(-1, EVENT_BYTES)
        for offset in np.flatnonzero(np.isin(table[:, _OP], _ENDING)).tolist():
            yield index * BUNDLE_WIDTH + offset, events[offset]
