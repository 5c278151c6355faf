"""Octets that lie in two places, read as if they were one behind the other.

Labels of a release are nearly all those of an earlier one: who has these keeps the few that are new, and says where
each stretch of the whole lies. What lies in one piece is handed out where it is.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from protocol.encoding import Octets
from protocol.errors import MalformedError

_COUNT_BYTES: Final = 4
_RUN: Final = np.dtype([("place", ">u8"), ("size", ">u8")])
_MOST: Final = 2**48
"""Octets; below it no sum of places and sizes wraps around."""


class Spliced:
    """Runs of octets: of `base`, and of `fresh`, whose places come behind those of `base`."""

    __slots__ = ("_ends", "_places", "_sizes", "base", "fresh")

    def __init__(
        self, base: Octets, fresh: Octets, places: NDArray[np.int64], sizes: NDArray[np.int64]
    ) -> None:
        """Of runs that begin at these places, each within one of both, and are so long, in order."""
        self.base = base
        self.fresh = fresh
        self._places = places
        self._sizes = sizes
        self._ends = np.cumsum(sizes)

    @staticmethod
    def of(octets: "Octets | Spliced") -> "Spliced":
        """The same octets, as runs: one of those that lie in one piece."""
        if isinstance(octets, Spliced):
            return octets
        sizes = [len(octets)] if len(octets) else []
        return Spliced(octets, b"", np.zeros(len(sizes), dtype=np.int64), np.array(sizes, dtype=np.int64))

    @staticmethod
    def from_bytes(base: Octets, data: Octets) -> "Spliced":
        """What `to_bytes` wrote of runs of this `base`; raises `MalformedError`."""
        split = _COUNT_BYTES + int.from_bytes(data[:_COUNT_BYTES], "big") * _RUN.itemsize
        if split > len(data):
            raise MalformedError("spliced octets: shorter than their runs")
        rows, fresh = np.frombuffer(data[_COUNT_BYTES:split], dtype=_RUN), data[split:]
        if (rows["place"] > _MOST).any() or (rows["size"] > _MOST).any():
            raise MalformedError("spliced octets: a run beyond what there is")
        places, sizes = rows["place"].astype(np.int64), rows["size"].astype(np.int64)
        ends = places + sizes
        within = (ends <= len(base)) | ((places >= len(base)) & (ends <= len(base) + len(fresh)))
        if not (within & (sizes > 0)).all():
            raise MalformedError("spliced octets: a run beyond what there is")
        return Spliced(base, fresh, places, sizes)

    def to_bytes(self) -> bytes:
        """`count u32 ‖ place u64 and size u64 of each run ‖ fresh octets`; the base is known to who reads them."""
        rows = np.empty(self.runs, dtype=_RUN)
        rows["place"], rows["size"] = self._places, self._sizes
        return self.runs.to_bytes(_COUNT_BYTES, "big") + rows.tobytes() + self.fresh

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self._places)

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.runs else 0

    def __getitem__(self, which: slice) -> Octets:
        """Some of them: where they lie if that is in one piece, else a copy."""
        pieces = [piece for _, piece in self._pieces(which)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def __bytes__(self) -> bytes:
        return bytes(self[:])

    def pieces(self, size: int, which: slice = slice(None)) -> Iterator[Octets]:
        """Some of them, `size` at a time."""
        start, stop, _ = which.indices(len(self))
        return (self[at : min(at + size, stop)] for at in range(start, stop, size))

    def joined(self, parts: Iterable["slice | Octets"]) -> "Spliced":
        """Some of these octets, by their places, and new ones, in the order in which they are given."""
        fresh, places, sizes = bytearray(), list[int](), list[int]()
        for place, piece in self._given(parts):
            at = place
            if place >= len(self.base):
                at = len(self.base) + len(fresh)
                fresh += piece
            # Where both meet, two runs do.
            if places and at == places[-1] + sizes[-1] and at != len(self.base):
                sizes[-1] += len(piece)
            else:
                places.append(at)
                sizes.append(len(piece))
        return Spliced(
            self.base, bytes(fresh), np.array(places, dtype=np.int64), np.array(sizes, dtype=np.int64)
        )

    def at(self, starts: NDArray[np.intp], width: int) -> NDArray[np.uint8]:
        """Items of `width` octets that begin there, a row each; none of them may lie in two runs."""
        found = np.empty((len(starts), width), dtype=np.uint8)
        run = np.searchsorted(self._ends, starts, side="right")
        places = self._places[run] + starts - (self._ends[run] - self._sizes[run])
        is_fresh = places >= len(self.base)
        for octets, here, first in ((self.base, ~is_fresh, 0), (self.fresh, is_fresh, len(self.base))):
            if here.any():
                windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(octets, np.uint8), width)
                found[here] = windows[places[here] - first]
        return found

    def _given(self, parts: Iterable["slice | Octets"]) -> Iterator[tuple[int, Octets]]:
        """Where each piece of them lies: what is new, behind all that there is."""
        for part in parts:
            if isinstance(part, slice):
                yield from self._pieces(part)
            elif len(part):
                yield len(self.base) + len(self.fresh), part

    def _pieces(self, which: slice) -> Iterator[tuple[int, memoryview]]:
        start, stop, _ = which.indices(len(self))
        base, fresh = memoryview(self.base), memoryview(self.fresh)
        run = int(np.searchsorted(self._ends, start, side="right"))
        while start < stop:
            end, size = int(self._ends[run]), int(self._sizes[run])
            place = int(self._places[run]) + start - (end - size)
            taken = min(end, stop) - start
            octets, first = (fresh, len(base)) if place >= len(base) else (base, 0)
            yield place, octets[place - first : place - first + taken]
            start, run = start + taken, run + 1


Laid: TypeAlias = Octets | Spliced
"""Octets, however they lie."""
