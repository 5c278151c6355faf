"""All held lists by ranges of look-up keys: everything is judged from nothing, a range after the other.

Each list is read once, and its events are put where the digests are that they are about. What is folded at a time has
some thirty thousand events, however long the lists are, and the blocks with what may overrule one, which belong to
every range; the rest waits on disk (`node.store.spool`). Two octets an event say meanwhile where it belongs.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from node.judgement.fold import ABOUT_ADDS, items_of
from node.judgement.premises import HeldList
from node.lists.changes import digest_of
from node.objects.logfiles import Item
from node.store.spool import Parts, Spool
from node.store.store import Store
from protocol.digest import Digest
from protocol.limits import EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.listing import Listing, fold

EVENTS: Final = 2**15
"""Of all lists together, in one range; on average, for keys are as good as random."""
_CHUNK: Final = 2**12
_ROW: Final = Struct(">HQH")
"""Number of the list, position, length of the opening; the event and the opening follow."""
_LOWEST: Final = -(2**31)
"""Of the upper halves of look-up keys, which are signed: those say which range a key is in."""
_NOWHERE: Final = 0xFFFF
"""The range of what no digest is known of; there are fewer."""


@dataclass(frozen=True, slots=True)
class Range:
    """Some digests, and all that lists say of them."""

    listings: tuple[Listing, ...]
    """One for each of the lists; with every block, and the entries that every range needs."""
    digests: frozenset[Digest]
    keys: range
    """Their look-up keys are in it, and those of no other range's digests."""


def ranges_of(store: Store, lists: Sequence[HeldList], common: Sequence[Listing]) -> Iterator[Range]:
    """All digests of held lists by ranges; `common` is the part of each list that every range needs (`part_of`)."""
    with Spool(store.vault.entropy) as spool:
        yield from _Ranges(store, lists, common, spool).read()


class _Ranges:
    def __init__(
        self, store: Store, lists: Sequence[HeldList], common: Sequence[Listing], spool: Spool
    ) -> None:
        self._store = store
        self._lists = lists
        self._common = common
        self._count = min(_NOWHERE, 1 + sum(held.size for held in lists) // EVENTS)
        self._parts = Parts(spool, self._count)

    def read(self) -> Iterator[Range]:
        """All ranges, each once."""
        for number, held in enumerate(self._lists):
            self._put(number, held)
        for at in range(self._count):
            yield self._range(at)

    def _put(self, number: int, held: HeldList) -> None:
        ranges = np.full(held.size, _NOWHERE, dtype=np.uint16)
        items = iter(items_of(self._store, held))
        while chunk := list(islice(items, _CHUNK)):
            self._place_adds(chunk, ranges)
            for position, event, opening in chunk:
                if event[1] in ABOUT_ADDS:
                    header = Header.from_bytes(event[:HEADER_BYTES])
                    # Nobody checked what an event of a newer version refers to.
                    ranges[position] = ranges[header.ref] if header.known else _NOWHERE
                at = int(ranges[position])
                if at != _NOWHERE:
                    self._write(at, number, position, event, opening)

    def _place_adds(self, chunk: Iterable[Item], ranges: NDArray[np.uint16]) -> None:
        """Note the range of each add whose digest is known."""
        adds = [
            (position, digest)
            for position, event, opening in chunk
            if event[1] == Op.ADD and opening and (digest := digest_of(opening)) is not None
        ]
        if not adds:
            return
        keys = self._store.vault.keys_of(digest for _, digest in adds)
        heads = (keys >> np.int64(32)) - np.int64(_LOWEST)
        places = np.array([position for position, _ in adds], dtype=np.int64)
        ranges[places] = heads * self._count >> np.int64(32)

    def _write(self, at: int, number: int, position: int, event: bytes, opening: bytes | None) -> None:
        said = opening or b""
        self._parts.put(at, _ROW.pack(number, position, len(said)) + event + said)

    def _range(self, at: int) -> Range:
        said: dict[int, Listing] = {}
        for number, rows in groupby(self._rows(at), key=lambda row: row[0]):
            said[number] = fold(self._lists[number].origin, (row[1] for row in rows))
        digests = frozenset(entry.digest for each in said.values() for entry in each.entries.values())
        listings = tuple(
            replace(common, entries={**common.entries, **said[number].entries}) if number in said else common
            for number, common in enumerate(self._common)
        )
        return Range(listings, digests, range(self._first(at), self._first(at + 1)))

    def _first(self, at: int) -> int:
        """The lowest look-up key of a range."""
        return (-(-(at << 32) // self._count) + _LOWEST) << 32

    def _rows(self, at: int) -> Iterator[tuple[int, Item]]:
        for page in self._parts.take(at):
            start = 0
            while start < len(page):
                number, position, length = _ROW.unpack_from(page, start)
                middle = start + _ROW.size + EVENT_BYTES
                start, event = middle + length, page[start + _ROW.size : middle]
                yield number, (position, event, page[middle:start] or None)
