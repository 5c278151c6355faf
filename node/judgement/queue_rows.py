"""The queue of reviews as rows: which files wait, in their order, without what is said of them.

A row is twenty octets, so that the queue of long lists fits into memory. It is made of a judgement of everything by
ranges, and changed by one of what moved; which entry waits, `node.judgement.queue` decides. Digests of one file are
judged in different ranges: what waits of them is put together on disk.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Generic, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from keys.trust.members import Members
from node.clock import Entropy
from node.judgement.effective import Everything, Share
from node.judgement.queue import Group, WaitingFile, WaitingRule, group_of
from node.judgement.ranges import Alike
from node.store.spool import Parts, Spool, part_of
from protocol.limits import MAX_FILE_EVENTS
from protocol.lists.listing import Entry
from protocol.slices import slices

Place: TypeAlias = tuple[str, int]
"""Origin and index of the entry that names a file."""
_Value = TypeVar("_Value", bound=Hashable)
_EVENTS: Final = 2**18
"""In lists, for each part that is put together at once."""
_COUNTED: Final = 2**20
"""Rows that are counted at once: each becomes twice as long."""
_WORDS: Final = 2
"""Of eight octets, in a content id."""
_ENTRY: Final = np.dtype(
    [
        ("list", "<u2"),
        ("collection", "<u2"),
        ("alone", "?"),
        ("file", "<u8", _WORDS),
        ("index", "<u4"),
        ("time", "<u8"),
        ("group", "<u4"),
        ("countries", "<u4"),
    ]
)
"""An entry that waits; `file` is the content id, or the index of one that stands alone."""
_SAME_FILE: Final = ("list", "collection", "alone")


class Rows(NamedTuple):
    """A column for each field of a file, all of one length."""

    missing: NDArray[np.int16]
    """How many more countries each needs."""
    times: NDArray[np.uint64]
    """When the peer listed them, in milliseconds."""
    lists: NDArray[np.uint16]
    indices: NDArray[np.uint32]
    """Of the entries that name them."""
    groups: NDArray[np.uint32]

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> Self:
        """Columns of some rows."""
        table = list(rows)
        return cls(
            *(
                np.array([row[at] for row in table], dtype=kind)
                for at, kind in enumerate((np.int16, np.uint64, np.uint16, np.uint32, np.uint32))
            )
        )

    def each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> "Rows":
        """Every column changed in the same way."""
        columns: tuple[NDArray[Any], ...] = self
        return Rows(*map(change, columns))

    def insert(self, at: Sequence[int], new: "Rows") -> "Rows":
        """With other rows, each before one of these."""
        held: tuple[NDArray[Any], ...] = self
        came: tuple[NDArray[Any], ...] = new
        return Rows(*(np.insert(column, at, added) for column, added in zip(held, came, strict=True)))

    def order(self) -> NDArray[np.intp]:
        """Their places by `WaitingFile.place`."""
        return np.lexsort((self.indices, self.lists, self.times, self.missing))

    def before(self, at: int) -> tuple[int, ...]:
        """What a row is ordered by."""
        return int(self.missing[at]), int(self.times[at]), int(self.lists[at]), int(self.indices[at])


@dataclass(frozen=True, kw_only=True, eq=False)
class Queue:
    """Every file that waits for a word of one agency: fewest missing countries first, then the oldest."""

    origins: Sequence[str]
    """Of the held lists, ascending; their numbers are the places here."""
    names: Sequence[Group]
    """Of groups, by their number."""
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows.indices)

    @cached_property
    def groups(self) -> Mapping[Group, int]:
        """How many of these files may be endorsed together."""
        counts = np.zeros(len(self.names), dtype=np.int64)
        for column in slices(self.rows.groups, _COUNTED):
            counts += np.bincount(column, minlength=len(counts))
        return {name: count for name, count in zip(self.names, counts.tolist(), strict=True) if count}

    def narrow(self, is_meant: Callable[[Group], bool]) -> "Queue":
        """The files of some groups, in their order."""
        meant = np.array([is_meant(name) for name in self.names], dtype=np.bool_)
        if meant.all():
            return self
        found = meant[self.rows.groups]
        return replace(self, rows=self.rows.each(lambda column: column[found]))

    def places(self, start: int = 0, stop: int | None = None) -> list[Place]:
        """The files from one place in the queue to before another."""
        lists, indices = (column[start:stop].tolist() for column in (self.rows.lists, self.rows.indices))
        return [(self.origins[number], index) for number, index in zip(lists, indices, strict=True)]

    def without(self, places: Mapping[str, Collection[int]]) -> "Queue":
        """The files whose first entries are none of these, by origin."""
        gone = np.zeros(len(self), dtype=np.bool_)
        for number, origin in enumerate(self.origins):
            if found := places.get(origin):
                gone |= (self.rows.lists == number) & np.isin(
                    self.rows.indices, np.array([*found], np.uint32)
                )
        return replace(self, rows=self.rows.each(lambda column: column[~gone])) if gone.any() else self

    def with_files(self, files: Iterable[WaitingFile]) -> "Queue":
        """With files that are not among them, each at its place."""
        names, numbers = _Numbers(self.names), {origin: number for number, origin in enumerate(self.origins)}
        new = Rows.of(
            (
                file.missing,
                file.since_ms,
                numbers[file.first.origin],
                file.first.index,
                names.of(file.group),
            )
            for file in sorted(files, key=lambda file: file.place)
        )
        turns = range(len(self))
        at = [bisect_left(turns, new.before(each), key=self.rows.before) for each in range(len(new.indices))]
        return replace(self, names=names.values, rows=self.rows.insert(at, new)) if at else self


EMPTY: Final = Queue(origins=(), names=(), rows=Rows.of(()))


def queue_of(entropy: Entropy, everything: Everything, members: Members, node: str) -> Queue:
    """The queue of the agency `node` by a judgement of everything, which is asked for."""
    with Spool(entropy) as spool:
        entries = _Entries(spool, entropy, everything, members, node)
        for share in everything.shares:
            entries.add(share)
        return entries.queue()


class _Numbers(Generic[_Value]):
    """Values by number, in the order in which they come."""

    def __init__(self, values: Iterable[_Value] = ()) -> None:
        self.values = list(values)
        self._known = {value: number for number, value in enumerate(self.values)}

    def of(self, value: _Value) -> int:
        number = self._known.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


class _Entries:
    """Entries that wait, put where the others of their files are."""

    def __init__(
        self, spool: Spool, entropy: Entropy, everything: Everything, members: Members, node: str
    ) -> None:
        heads = everything.premises.heads
        self._members = members
        self._node = node
        self._origins = sorted(log.origin for log in heads)
        self._parts = Parts(spool, 1 + sum(log.head.size for log in heads) // _EVENTS)
        # Whoever chose content ids that meet in one part would fill the memory: he does not know which do.
        self._factors = np.frombuffer(entropy(8 * _WORDS), dtype=np.uint64) | np.uint64(1)
        self._count = 0
        self._groups = _Numbers[Group]()
        self._countries = _Numbers[frozenset[str]]()

    def add(self, share: Share) -> None:
        """Take in what waits of a share, with what is alike."""
        rule = WaitingRule(share.decision, share.listings, self._members, self._node)
        slots = {
            slot: (alike, column) for alike in share.alike.values() for column, slot in enumerate(alike.slots)
        }
        single: list[tuple[Any, ...]] = []
        for held in share.listings:
            number = self._origins.index(held.listing.origin)
            for entry, countries in rule.entries(held):
                group = self._groups.of(group_of(held.node, entry))
                said = group, self._countries.of(countries)
                single.append((number, entry.collection, *_file(entry), entry.index, entry.time_ms, *said))
                if found := slots.get((entry.origin, entry.index)):
                    self._put(_alike(number, entry, said, *found))
        self._put(np.array(single, dtype=_ENTRY))

    def _put(self, rows: NDArray[Any]) -> None:
        self._count += len(rows)
        mixed = (rows["file"] * self._factors).sum(axis=1, dtype=np.uint64)
        self._parts.scatter(rows, part_of(mixed, self._parts.count))

    def queue(self) -> Queue:
        """What waits, file by file."""
        # Room for as many files as entries: what of it is not written takes no memory. One column after the other is
        # put in order, so that none of the others is there twice meanwhile.
        room: list[NDArray[Any]] = [np.empty(self._count, column.dtype) for column in Rows.of(())]
        end = 0
        for part in range(self._parts.count):
            found: tuple[NDArray[Any], ...] = self._files(
                self._parts.few_rows(part, _ENTRY, most=2 * _EVENTS, fewer=_without_more)
            )
            start, end = end, end + len(found[0])
            for column, values in zip(room, found, strict=True):
                column[start:end] = values
        order = Rows(*(column[:end] for column in room)).order()
        for at, column in enumerate(room):
            room[at] = column[order]
        return Queue(origins=self._origins, names=self._groups.values, rows=Rows(*room))

    def _files(self, rows: NDArray[Any]) -> Rows:
        """The files of some entries, of each all."""
        rows, sizes = _by_file(rows)
        whole = sizes <= MAX_FILE_EVENTS
        rows, sizes = rows[np.repeat(whole, sizes)], sizes[whole]
        if not len(rows):
            return Rows.of(())
        starts = np.cumsum(sizes) - sizes
        first = rows[starts]
        return Rows(
            self._missing(rows["countries"], starts),
            np.minimum.reduceat(rows["time"], starts),
            first["list"],
            first["index"],
            first["group"],
        )

    def _missing(self, countries: NDArray[np.uint32], starts: NDArray[np.intp]) -> NDArray[np.int16]:
        """How many countries each file needs besides those that list all of it; where its entries begin."""
        known = self._countries.values
        sizes = np.array([len(each) for each in known], dtype=np.int16)
        found = sizes[countries[starts]]
        ends = np.append(starts[1:], len(countries))
        differ = np.minimum.reduceat(countries, starts) != np.maximum.reduceat(countries, starts)
        for at in np.flatnonzero(differ).tolist():
            of_file = countries[starts[at] : ends[at]].tolist()
            found[at] = len(frozenset.intersection(*(known[each] for each in of_file)))
        return self._members.k - found


def _by_file(rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Entries put where the others of their files are, by index, and how many each file has."""
    same = [rows[name] for name in _SAME_FILE] + [*rows["file"].T]
    order = np.lexsort((rows["index"], *same))
    begins = np.ones(len(rows), dtype=np.bool_)
    begins[1:] = np.any([column[order[1:]] != column[order[:-1]] for column in same], axis=0)
    return rows[order], np.diff(np.flatnonzero(begins), append=len(rows))


def _without_more(rows: NDArray[Any]) -> NDArray[Any]:
    """Entries, of what is no file no more than show that."""
    rows, sizes = _by_file(rows)
    turns = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return rows[turns <= MAX_FILE_EVENTS]


def _file(entry: Entry) -> tuple[bool, tuple[int, ...]]:
    """What entries of one list and collection are one file by: whether it has no content id, and which."""
    if entry.ext.content_id is None:
        return True, (entry.index, 0)
    return False, tuple(np.frombuffer(entry.ext.content_id, dtype=np.uint64).tolist())


def _alike(number: int, entry: Entry, said: tuple[int, int], alike: Alike, column: int) -> NDArray[Any]:
    """The entries that are like one of a list."""
    rows = np.empty(len(alike.digests), dtype=_ENTRY)
    rows["list"], rows["collection"], rows["alone"] = number, entry.collection, entry.ext.content_id is None
    rows["index"], rows["time"] = alike.places[:, column], alike.times[:, column]
    rows["group"], rows["countries"] = said
    if entry.ext.content_id is None:
        rows["file"][:, 0], rows["file"][:, 1] = rows["index"], 0
    else:
        rows["file"] = np.ascontiguousarray(alike.content_ids[:, column]).view(np.uint64)
    return rows
