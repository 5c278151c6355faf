"""Whether an MD5 or SHA-1 stands for two files: the held lists know one stronger digest beside it, what comes another.

Making two files of one MD5 costs seconds, of one SHA-1 a budget. Whoever gets the harmless one of such a pair listed,
or lists the other, makes an innocent file a hit: so a weak digest that stands beside different stronger ones is set
aside, wherever they stand. What belongs to one file is known by its content id, which digests of one file share and
which stand side by side in a log; a digest that joined its file much later is not seen from there. What is set aside
has no voice: else one liar, who lists the MD5 of others beside made-up digests, would have theirs set aside everywhere.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keys.message import Message
from node.lists.changes import content_id_of, digest_of
from node.lists.lookup import Finder
from node.lists.openings import CONTENT_ID, OpeningColumns
from node.store.lists.columns import Keys, Listed, Positions
from node.store.lists.records import IndexHit, LogKind, LogRecord
from node.store.spool import PagePlace, Spool
from node.store.store import Store
from node.store.unit import Unit
from node.store.vault import Vault
from protocol.digest import SIZES, Algorithm, Digest
from protocol.limits import BUNDLE_WIDTH
from protocol.slices import slices

STRONGER: Final[Mapping[Algorithm, tuple[Algorithm, ...]]] = {
    Algorithm.MD5: (Algorithm.SHA1, Algorithm.SHA256),
    Algorithm.SHA1: (Algorithm.SHA256,),
}
"""Algorithms of which two files with one digest are known, and those that tell such files apart."""

_REACH: Final = len(SIZES) - 1
"""How far from each other the digests of one file stand, at most, when they were listed together."""
_KEYS: Final = 1 << 20
"""Weak digests that are looked for at once; of each part that is looked for, bundles are opened again."""
_LISTED: Final = 4096
"""Listed files that are compared at once."""
_READ: Final = 64
"""Bundles that are read at once."""
_NEIGHBOUR: Final = np.dtype([("key", "i8"), ("algorithm", "i1"), ("content_id", CONTENT_ID)])
_MOST_PAIRS: Final = 1 << 18
"""Pairs of a listed and a new file that are compared at once: a liar lists one as often as it likes."""
_NAMES: Final = {Algorithm.MD5: "MD5", Algorithm.SHA1: "SHA-1", Algorithm.SHA256: "SHA-256"}


class Siblings:
    """Reads, in the transaction `unit`, what held lists give as digests of one file."""

    def __init__(self, store: Store, unit: Unit) -> None:
        self._unit = unit
        self._finder = Finder(store, unit)
        self._logs = {log.id: log for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)}
        self._aside: dict[int, _Spans] = {}

    def is_aside(self, hit: IndexHit) -> bool:
        """Whether an entry is set aside, for whatever reason."""
        return self._aside_in(hit.log_id).cover(hit.position)

    def without_aside(self, listed: Listed) -> Listed:
        """Entries, without those that are set aside."""
        kept = np.ones(len(listed), dtype=np.bool_)
        for log_id in np.unique(listed["log_id"]).tolist():
            rows = np.flatnonzero(listed["log_id"] == log_id)
            kept[rows] = ~self._aside_in(log_id).covered(listed["position"][rows])
        return listed[kept]

    @property
    def any(self) -> bool:
        """Whether there is anything to compare with."""
        return any(log.tail or log.head.size for log in self._logs.values())

    def log(self, log_id: int) -> LogRecord:
        """The list of that number."""
        return self._logs[log_id]

    def of(self, log_id: int, position: int) -> tuple[Digest, ...]:
        """Digests of the file at a position, its own included; none where the opening is not held."""
        reader = self._finder.reader(self._logs[log_id])
        own = reader.raw(position)
        content_id = content_id_of(own) if own else b""
        if not content_id:
            return tuple(filter(None, [digest_of(own)]))
        around = (reader.raw(at) for at in range(max(position - _REACH, 0), position + _REACH + 1))
        same = (digest_of(data) for data in around if data and content_id_of(data) == content_id)
        return tuple(filter(None, same))

    def bundle(self, log_id: int, index: int) -> list[bytes]:
        """As many openings of a list as a bundle has, from the bundle of this index on; empty where there is none."""
        return self._finder.reader(self._logs[log_id]).bundle(index)

    def _aside_in(self, log_id: int) -> "_Spans":
        if log_id not in self._aside:
            records = [record for record in self._unit.quarantine.ls(log_id) if record.kind == "add"]
            self._aside[log_id] = _Spans.of([(record.first, record.last) for record in records])
        return self._aside[log_id]


class Neighbours:
    """Which digests stand beside those that a pull meets in held lists.

    A pull meets a list in the order of keys, part by part, and each part meets nearly all of its bundles. So what is
    read of a bundle waits on disk.
    """

    def __init__(self, siblings: Siblings, vault: Vault, spool: Spool) -> None:
        self._siblings = siblings
        self._vault = vault
        self._spool = spool
        self._read: dict[tuple[int, int], PagePlace] = {}

    def of(self, log_id: int, positions: Positions) -> "_Files":
        """For entries of one list what `Siblings.of` gives for each, as look-up keys."""
        places = positions[:, None] + np.arange(-_REACH, _REACH + 1)
        indices = places // BUNDLE_WIDTH
        wanted = np.unique(indices)
        rows = np.concatenate(self._bundles(log_id, wanted.tolist()))
        at = np.searchsorted(wanted, indices) * BUNDLE_WIDTH + places % BUNDLE_WIDTH
        files = rows["content_id"][at]
        same = (files == files[:, _REACH, None]) & (files != b"")
        same[:, _REACH] = True
        return _Files(keys=rows["key"][at], algorithms=np.where(same, rows["algorithm"][at], 0))

    def _bundles(self, log_id: int, indices: Sequence[int]) -> list[NDArray[np.void]]:
        unread = [index for index in indices if (log_id, index) not in self._read]
        for part in slices(unread, _READ):
            self._take(log_id, part)
        places = (self._read[log_id, index] for index in indices)
        return [np.frombuffer(self._spool.get(place), dtype=_NEIGHBOUR) for place in places]

    def _take(self, log_id: int, indices: Sequence[int]) -> None:
        """Read bundles; before the first one there is none."""
        none = [b""] * BUNDLE_WIDTH
        read = (self._siblings.bundle(log_id, index) if index >= 0 else none for index in indices)
        columns = OpeningColumns([*chain.from_iterable(read)])
        rows = np.empty(len(columns.rows), dtype=_NEIGHBOUR)
        rows["key"], rows["algorithm"] = columns.keys(self._vault), columns.algorithms
        rows["content_id"] = columns.content_ids
        for index, some in zip(indices, rows.reshape(-1, BUNDLE_WIDTH), strict=True):
            self._read[log_id, index] = self._spool.put(some.tobytes())


@dataclass(frozen=True, slots=True)
class _Files:
    """The digests of files, a row for each, as arrays of one shape."""

    keys: Keys
    algorithms: NDArray[np.int8]
    """0 where no digest of the file stands."""


@dataclass(frozen=True, slots=True)
class _Spans:
    """Ranges of positions, which may overlap."""

    firsts: Sequence[int]
    lasts: Sequence[int]
    """By place in `firsts`, the highest end so far."""

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> "_Spans":
        """From first and last positions."""
        ordered = sorted(spans)
        return cls([first for first, _ in ordered], list(accumulate((last for _, last in ordered), max)))

    def cover(self, position: int) -> bool:
        """Whether a position is in one of the ranges."""
        at = bisect_right(self.firsts, position)
        return at > 0 and position <= self.lasts[at - 1]

    def covered(self, positions: Positions) -> NDArray[np.bool_]:
        """Which positions are in one of the ranges."""
        at = np.searchsorted(np.array(self.firsts, dtype=np.int64), positions, side="right")
        return positions <= np.array([-1, *self.lasts], dtype=np.int64)[at]


def contradiction(weak: Digest, one: Iterable[Digest], other: Iterable[Digest]) -> str | None:
    """How the digests of two files with `weak` in common tell them apart, in words; None if they do not."""
    for algorithm in STRONGER.get(weak.algorithm, ()):
        ours = {digest for digest in one if digest.algorithm is algorithm}
        theirs = {digest for digest in other if digest.algorithm is algorithm}
        if ours and theirs and ours.isdisjoint(theirs):
            return words(weak.algorithm, algorithm)
    return None


def words(weak: Algorithm, stronger: Algorithm) -> str:
    """The reason, for people."""
    return Message(
        "its {weak} is that of another file, which has another {stronger}", _NAMES[weak], _NAMES[stronger]
    )


def among_files(
    files: Sequence[tuple[Sequence[Digest], Sequence[int]]], hits: Iterable[IndexHit], siblings: Siblings
) -> dict[int, str]:
    """Which of these files, each its digests and their look-up keys, contradict a held list, and how."""
    weak: dict[int, list[tuple[int, Digest]]] = defaultdict(list)
    for number, (digests, keys) in enumerate(files):
        if len(digests) > 1:
            for digest, key in zip(digests, keys, strict=True):
                if digest.algorithm in STRONGER:
                    weak[key].append((number, digest))
    found: dict[int, str] = {}
    for hit in _in_order((hit for hit in hits if hit.key in weak), siblings):
        listed = siblings.of(hit.log_id, hit.position)
        for number, digest in weak[hit.key]:
            why = contradiction(digest, files[number][0], listed) if digest in listed else None
            if why is not None:
                origin = siblings.log(hit.log_id).origin
                found.setdefault(
                    number, Message("{reason}: entry {index} of {origin}", why, hit.position, origin)
                )
    return found


def _in_order(hits: Iterable[IndexHit], siblings: Siblings) -> list[IndexHit]:
    """Standing entries, as they stand in their logs: bundles are opened once."""
    return sorted(_standing(hits, siblings), key=lambda hit: (hit.log_id, hit.position))


def _standing(hits: Iterable[IndexHit], siblings: Siblings) -> Iterator[IndexHit]:
    counting = (hit for hit in hits if hit.ended is None and hit.collection > 0)
    return (hit for hit in counting if not siblings.is_aside(hit))


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Adds that a pull brought, or all of them whose look-up keys lie in one range."""

    keys: Keys
    positions: Positions
    """As many, in the same order."""
    pairs: "Sequence[Pairs]"
    """Of the files among them, for each weak algorithm and each that is stronger."""


def among_arrivals(
    arrivals: Arrivals, find: Callable[[Keys], Listed], siblings: Siblings, neighbours: Neighbours
) -> dict[int, str]:
    """Positions of weak digests that contradict each other or a held list, and how.

    `find` gives the standing entries of held lists with some look-up keys: it is asked for those of weak digests beside
    stronger ones.
    """
    pairs, found = arrivals.pairs, dict[int, str]()
    for pair in pairs:
        found |= dict.fromkeys(pair.contradicting(), words(pair.weak, pair.stronger) + ", in the same list")
    known = np.unique(np.concatenate([pair.weak_keys for pair in pairs]))
    for keys in slices(known, _KEYS):
        for listed in _parts(siblings.without_aside(find(keys))):
            log_id = int(listed["log_id"][0])
            files = neighbours.of(log_id, listed["position"])
            for position, reason in _against(pairs, listed, files, siblings.log(log_id).origin):
                found.setdefault(position, reason)
    return found


def _against(
    pairs: "Sequence[Pairs]", listed: Listed, files: _Files, origin: str
) -> Iterator[tuple[int, str]]:
    """Positions of weak digests that listed files contradict, and how: first by the first of these."""
    first: dict[int, tuple[int, int]] = {}
    for number, pair in enumerate(pairs):
        for at, position in pair.against(listed["key"], files):
            first[position] = min(first.get(position, (at, number)), (at, number))
    for position, (at, number) in first.items():
        pair = pairs[number]
        where = f"entry {listed['position'][at]} of {origin}"
        yield position, f"{words(pair.weak, pair.stronger)}: {where}"


def _parts(listed: Listed) -> Iterator[Listed]:
    """Entries of one list, in order, so many that what is made of them at once stays small."""
    rows = listed[np.lexsort((listed["position"], listed["log_id"]))]
    for of_one in np.split(rows, np.flatnonzero(np.diff(rows["log_id"])) + 1):
        yield from slices(of_one, _LISTED)


@dataclass(frozen=True, slots=True)
class Columns:
    """Digests of a list as they stand there, as arrays of one length."""

    keys: Keys
    positions: Positions
    algorithms: NDArray[np.int8]
    files: NDArray[np.int64]
    """Number of the file: neighbours with one content id have the same."""

    @classmethod
    def joined(cls, parts: "Sequence[Columns]") -> "Columns":
        """Some, one behind the other."""
        return cls(*(np.concatenate([getattr(part, each) for part in parts]) for each in cls.__slots__))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Files of a pull with both of two algorithms, ordered by their weak keys, as arrays of one length."""

    weak: Algorithm
    stronger: Algorithm
    weak_keys: Keys
    positions: Positions
    stronger_keys: Keys

    @classmethod
    def all_of(cls, digests: Columns) -> "tuple[Pairs, ...]":
        """Those of every weak algorithm and each that is stronger."""
        return tuple(cls._of(digests, weak, other) for weak, others in STRONGER.items() for other in others)

    @classmethod
    def _of(cls, digests: Columns, weak: Algorithm, stronger: Algorithm) -> "Pairs":
        one = np.flatnonzero(digests.algorithms == weak)
        other = np.flatnonzero(digests.algorithms == stronger)
        _, ones, others = np.intersect1d(digests.files[one], digests.files[other], return_indices=True)
        one, other = one[ones], other[others]
        return cls.ordered(weak, stronger, digests.keys[one], digests.positions[one], digests.keys[other])

    @classmethod
    def ordered(
        cls, weak: Algorithm, stronger: Algorithm, weak_keys: Keys, positions: Positions, stronger_keys: Keys
    ) -> "Pairs":
        """Those of two algorithms, from any order; of one weak key they stay as they are."""
        order = np.argsort(weak_keys, kind="stable")
        return cls(weak, stronger, weak_keys[order], positions[order], stronger_keys[order])

    def contradicting(self) -> list[int]:
        """Positions whose weak digest stands beside two stronger ones."""
        same = self.weak_keys[1:] == self.weak_keys[:-1]
        again = np.zeros(len(self.weak_keys), dtype=np.bool_)
        again[1:] = same
        again[:-1] |= same
        weak, stronger = self.weak_keys[again], self.stronger_keys[again]
        order = np.lexsort((stronger, weak))
        weak, stronger = weak[order], stronger[order]
        twice = weak[1:][(weak[1:] == weak[:-1]) & (stronger[1:] != stronger[:-1])]
        return [int(position) for position in self.positions[again][np.isin(self.weak_keys[again], twice)]]

    def against(self, keys: Keys, files: _Files) -> Iterator[tuple[int, int]]:
        """Positions with one of these weak keys whose stronger digest is not the listed file's, behind its place.

        Each key has the file that it was found in.
        """
        theirs = files.algorithms == self.stronger
        weak = (files.algorithms == self.weak) & (files.keys == keys[:, None])
        rows = _distinct(np.flatnonzero(theirs.any(axis=1) & weak.any(axis=1)), keys, files, theirs)
        first = np.searchsorted(self.weak_keys, keys[rows], side="left")
        ends = np.cumsum(np.searchsorted(self.weak_keys, keys[rows], side="right") - first)
        begins = np.concatenate([[0], ends[:-1]])
        for start in range(0, int(ends[-1]) if len(ends) else 0, _MOST_PAIRS):
            numbers = np.arange(start, min(start + _MOST_PAIRS, int(ends[-1])))
            row = np.searchsorted(ends, numbers, side="right")
            at, here = rows[row], first[row] + numbers - begins[row]
            met = (files.keys[at] == self.stronger_keys[here, None]) & theirs[at]
            others = ~met.any(axis=1)
            yield from zip(at[others].tolist(), self.positions[here[others]].tolist(), strict=True)


def _distinct(
    rows: NDArray[np.int64], keys: Keys, files: _Files, theirs: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Of these listed files, in order, the first of each with the same weak and the same stronger digests."""
    if len(np.unique(keys[rows])) == len(rows):  # as in every honest list
        return rows
    stronger = np.sort(np.where(theirs[rows], files.keys[rows], 0), axis=1)
    _, first = np.unique(np.column_stack([keys[rows], stronger]), axis=0, return_index=True)
    return rows[np.sort(first)]
