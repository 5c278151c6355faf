"""All held lists by ranges of look-up keys: everything is judged from nothing, a range after the other.

Each list is read once, and its events are put where the digests are that they are about; the rest waits on disk
(`node.store.spool`). A range has some thirty thousand events, however long the lists are. Most digests in it are alike:
the lists say the same of them, in entries that differ in nothing but place and content id. One of them is folded and
judged for all, with the blocks and what may overrule one, which belong to every range. Two octets an event say
meanwhile where it belongs.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from node.judgement.fold import ABOUT_ADDS, items_of
from node.judgement.premises import HeldList
from node.lists.changes import content_id_of, digest_of, shape_of
from node.objects.logfiles import Item
from node.store.spool import Parts, Spool
from node.store.store import Store
from node.store.subsets.records import WideKey
from protocol.digest import Digest
from protocol.limits import EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.ext import CONTENT_ID_BYTES
from protocol.lists.listing import Listing, fold
from protocol.slices import batches

EVENTS: Final = 2**15
"""Of all lists together, in one range; on average, for keys are as good as random."""
_CHUNK: Final = 2**12
_ROW: Final = Struct(">HQH16s")
"""Number of the list, position, length of the opening, name of an add's digest; the event and the opening follow."""
_NO_NAME: Final = bytes(16)
_ADD: Final = int(Op.ADD)
_STABLE: Final = 8
"""Octets of an add's header that say what it does; its time and what it refers to, nothing, are behind them."""
_TIME: Final = np.dtype(">u8")
_LOWEST: Final = -(2**31)
"""Of the upper halves of look-up keys, which are signed: those say which range a key is in."""
_NOWHERE: Final = 0xFFFF
"""The range of what no digest is known of; there are fewer."""

Telling: TypeAlias = Callable[[Digest, WideKey], Hashable]
"""What tells one digest from another besides what the lists say of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a judgement asks of digests and entries besides what lists say of them, and may differ in what is alike."""

    telling: Callable[[range], Telling] = lambda _: lambda _digest, _name: None
    """For the digests whose look-up keys are in a range."""
    touched: Collection[tuple[int, int]] = ()
    """Number of the list and position of entries that something outside of it is about."""
    revoked: Mapping[str, Sequence[range]] = field(default_factory=dict)
    """By origin, positions of events that a thief may have signed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alike:
    """Digests that are judged as another one is: an item of each column for each."""

    digests: Sequence[Digest]
    names: NDArray[np.int64]
    """Their look-up keys, and what follows them (`WideKey`)."""
    slots: Sequence[tuple[str, int]]
    """Origin and position of each add of the one that is judged, in order."""
    places: NDArray[np.int64]
    """Positions of their adds, in the same order."""
    content_ids: NDArray[np.uint8]
    """Of their adds; anything where there is none."""
    times: NDArray[np.uint64]
    """When their adds were made, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Range:
    """Some digests, and all that lists say of them."""

    listings: tuple[Listing, ...]
    """One for each of the lists; with every block, and the entries that every range needs."""
    digests: frozenset[Digest]
    """Those that are to be judged."""
    alike: Mapping[Digest, Alike]
    """The others, by one of these."""
    keys: range
    """Their look-up keys are in it, and those of no other range's digests."""


def ranges_of(
    store: Store, lists: Sequence[HeldList], common: Sequence[Listing], beside: Beside = Beside()
) -> Iterator[Range]:
    """All digests of held lists by ranges; `common` is the part of each list that every range needs (`part_of`)."""
    with Spool(store.vault.entropy) as spool:
        yield from _Ranges(store, lists, common, beside, spool).read()


class _Row(NamedTuple):
    number: int
    """Of the list."""
    position: int
    name: bytes
    event: bytes
    opening: bytes


_Known: TypeAlias = tuple[Digest, bytes, list[_Row]]
"""A digest, its name, and its adds."""


class _Ranges:
    def __init__(
        self, store: Store, lists: Sequence[HeldList], common: Sequence[Listing], beside: Beside, spool: Spool
    ) -> None:
        self._store = store
        self._lists = lists
        self._common = common
        self._beside = beside
        self._revoked = [beside.revoked.get(held.origin, ()) for held in lists]
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
        for chunk in batches(items_of(self._store, held), _CHUNK):
            self._put_adds(number, chunk, ranges)
            for item in chunk:
                position, event, _ = item
                if event[1] in ABOUT_ADDS:
                    header = Header.from_bytes(event[:HEADER_BYTES])
                    # Nobody checked what an event of a newer version refers to.
                    at = ranges[position] = ranges[header.ref] if header.known else _NOWHERE
                    if at != _NOWHERE:
                        self._write(int(at), number, item, _NO_NAME)

    def _put_adds(self, number: int, chunk: Iterable[Item], ranges: NDArray[np.uint16]) -> None:
        """Write each add whose digest is known, and note its range."""
        adds = [
            (item, digest)
            for item in chunk
            if item[1][1] == _ADD and item[2] and (digest := digest_of(item[2])) is not None
        ]
        if not adds:
            return
        names = self._store.vault.names_of(digest for _, digest in adds)
        heads = (names[:, 0] >> np.int64(32)) - np.int64(_LOWEST)
        found = heads * self._count >> np.int64(32)
        ranges[[item[0] for item, _ in adds]] = found
        packed, size = names.tobytes(), len(_NO_NAME)
        for place, ((item, _), at) in enumerate(zip(adds, found.tolist(), strict=True)):
            self._write(at, number, item, packed[place * size : place * size + size])

    def _write(self, at: int, number: int, item: Item, name: bytes) -> None:
        position, event, opening = item
        said = opening or b""
        self._parts.put(at, _ROW.pack(number, position, len(said), name) + event + said)

    def _range(self, at: int) -> Range:
        adds: dict[bytes, list[_Row]] = {}
        folded: list[_Row] = []
        touched = set(self._beside.touched)
        for row in self._rows(at):
            if row.event[1] == _ADD:
                adds.setdefault(row.name, []).append(row)
            else:
                folded.append(row)
                touched.add((row.number, Header.from_bytes(row.event[:HEADER_BYTES]).ref))
        keys = range(self._first(at), self._first(at + 1))
        kinds = self._kinds(adds, touched, self._beside.telling(keys))
        for same in kinds:
            folded += same[0][2]
        listings = self._fold(folded)
        digests = frozenset(entry.digest for each in listings.values() for entry in each.entries.values())
        return Range(
            tuple(
                replace(common, entries={**common.entries, **listings[number].entries})
                if number in listings
                else common
                for number, common in enumerate(self._common)
            ),
            digests,
            {same[0][0]: self._alike(same) for same in kinds if len(same) > 1 and same[0][0] in digests},
            keys,
        )

    def _kinds(
        self, adds: Mapping[bytes, list[_Row]], touched: Collection[tuple[int, int]], telling: Telling
    ) -> Collection[list[_Known]]:
        """Digests in groups of what is alike."""
        found: dict[Hashable, list[_Known]] = {}
        names = np.frombuffer(b"".join(adds), dtype=np.int64).reshape(-1, 2).tolist()
        for (name, rows), (key, rest) in zip(adds.items(), names, strict=True):
            digest = digest_of(rows[0].opening)
            assert digest is not None, "that is how it came here"
            kind = (telling(digest, (key, rest)), *[self._kind(row, touched) for row in rows])
            found.setdefault(kind, []).append((digest, name, rows))
        return found.values()

    def _kind(self, row: _Row, touched: Collection[tuple[int, int]]) -> Hashable:
        """What an add says, but for the digest."""
        number, position, _, event, opening = row
        own = position if (number, position) in touched else -1
        is_revoked = any(position in span for span in self._revoked[number])
        return number, event[:_STABLE], shape_of(opening), own, is_revoked

    def _alike(self, same: Sequence[_Known]) -> Alike:
        (_, _, judged), others = same[0], same[1:]
        ids = [content_id_of(row.opening) or bytes(CONTENT_ID_BYTES) for _, _, rows in others for row in rows]
        end = _STABLE + _TIME.itemsize
        times = b"".join([row.event[_STABLE:end] for _, _, rows in others for row in rows])
        return Alike(
            digests=[digest for digest, _, _ in others],
            names=np.frombuffer(b"".join(name for _, name, _ in others), dtype=np.int64).reshape(-1, 2),
            slots=[(self._lists[row.number].origin, row.position) for row in judged],
            places=np.array([[row.position for row in rows] for _, _, rows in others], dtype=np.int64),
            content_ids=np.frombuffer(b"".join(ids), dtype=np.uint8).reshape(
                len(others), len(judged), CONTENT_ID_BYTES
            ),
            times=np.frombuffer(times, dtype=_TIME).astype(np.uint64).reshape(len(others), len(judged)),
        )

    def _fold(self, rows: Iterable[_Row]) -> dict[int, Listing]:
        """What these events say, by the number of their list."""
        ordered = sorted(rows, key=itemgetter(0, 1))
        return {
            number: fold(
                self._lists[number].origin,
                ((row.position, row.event, row.opening or None) for row in of_list),
            )
            for number, of_list in groupby(ordered, key=itemgetter(0))
        }

    def _first(self, at: int) -> int:
        """The lowest look-up key of a range."""
        return (-(-(at << 32) // self._count) + _LOWEST) << 32

    def _rows(self, at: int) -> Iterator[_Row]:
        for page in self._parts.take(at):
            start = 0
            while start < len(page):
                number, position, length, name = _ROW.unpack_from(page, start)
                middle = start + _ROW.size + EVENT_BYTES
                start, event = middle + length, page[start + _ROW.size : middle]
                yield _Row(number, position, name, event, page[middle:start])
