"""A pull that is being taken over, slice by slice: what each means for the catalogue is kept sealed until all stands.

Nobody reads a slice but who finishes the pull, so that judgements see the head of before until all of the new one is
there; a pull that was cut off goes on behind its last slice. Of what is kept of a slice only that counts which was made
of exactly what is staged for it now. Look-up rows, and pairs that may contradict each other, are then read by ranges of
their keys, each slice's part in turn: memory holds a slice or a range, however long the list is.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from keys.message import pack, unpack
from node.errors import StoreError
from node.lists.collisions import STRONGER, Arrivals, Pairs
from node.lists.pace import Changes
from node.objects.logfiles import LogFiles
from node.peers.sync.intake import OpenFile, Suspect, Taken
from node.peers.sync.stage import SLICES, StagedBundle
from node.store.lists.columns import Keys, Positions
from node.store.store import Store
from node.store.unit import Unit
from protocol.limits import BUNDLE_WIDTH

EVENTS: Final = 256 * BUNDLE_WIDTH
"""In a slice: whole tiles of the second level, so that few partial ones come and go."""
_ARRIVALS: Final = 2**20
"""Rows that are compared with held lists at once: for each part of them these are read through again."""
_ROWS: Final = 2**18
"""In a range of keys; on average, for keys are as good as random."""
_FORM: Final = 2
"""Of what is kept; a version that reads or means something else has another."""
_REASON: Final = 255
_LENGTH: Final = 8
_ARRAYS: Final = (
    "keys",
    "positions",
    "collections",
    "ended",
    "touches",
    "runs",
    "shreds",
    "adds",
    "withdrawals",
    "disputes",
)
_PAIRS: Final = [(weak, other) for weak, others in STRONGER.items() for other in others]
_PAIR_ARRAYS: Final = ("weak_keys", "positions", "stronger_keys")

_Part = list[NDArray[Any]]
"""Columns of one length."""


def cuts(first: int, size: int) -> Iterator[tuple[int, int]]:
    """First position and end of each slice of the events from `first` up to `size`."""
    return pairwise([first, *range(first - first % EVENTS + EVENTS, size, EVENTS), size])


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What some events mean, and the log at their end."""

    source: str
    """What it was made of: see `Source`."""
    frontier: bytes
    """`CompactRange.to_bytes()` behind its last event."""
    taken: Taken


class Source:
    """What a slice is made of: the log and the file before it, and the bundles that are read for it.

    `reopened` is the log's: a slice has the keys of older events that were open, and openings of the held last bundle.
    """

    def __init__(self, frontier: bytes, file: OpenFile, reopened: int) -> None:
        self._hash = sha256(json.dumps([frontier.hex(), _file_words(file), reopened]).encode())

    @property
    def text(self) -> str:
        """SHA-256 of it all, hexadecimal."""
        return self._hash.hexdigest()

    def read(self, bundles: Iterable[StagedBundle]) -> Iterator[StagedBundle]:
        """The bundles, noted as they go."""
        for bundle in bundles:
            openings = b"" if bundle.openings is None else bundle.openings
            sizes = bundle.index, bundle.width, len(bundle.entries), len(openings), bundle.openings is None
            self._hash.update(repr(sizes).encode() + bundle.entries + openings)
            yield bundle


@dataclass(frozen=True, slots=True)
class _Counts:
    """How much a slice holds of what is counted."""

    rows: int
    adds: int
    withdrawals: int
    disputes: int

    @classmethod
    def of(cls, taken: Taken) -> "_Counts":
        return cls(len(taken.keys), len(taken.adds), len(taken.withdrawals), len(taken.disputes))


class Slices:
    """The slices of one pull, in order; all but the last are kept sealed beside what is staged.

    Before one of them is read `proceed` is called, which may raise.
    """

    def __init__(self, store: Store, origin: str, proceed: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._proceed = proceed
        self._prefix = LogFiles(store.objects, store.vault, origin).name("staging", SLICES)
        self._kept: list[int] = []
        self._counts: list[_Counts] = []
        self._last: Taken | None = None

    def recall(self, first: int, source: Source, bundles: Iterable[StagedBundle]) -> Slice | None:
        """The slice that was kept from `first` on, if it was made of the same; else it is forgotten.

        What is made of something else is about to take the place of its objects.
        """
        try:
            kept = self._load(first)
        except StoreError:  # not there; damage is the same, and so is what another version kept
            return None
        for _ in source.read(bundles):
            pass
        if kept.source == source.text:
            return kept
        self._store.objects.delete(self._prefix + str(first))
        return None

    def keep(self, first: int, made: Slice) -> None:
        """Keep a slice, of which every object is durable, behind the others."""
        name = self._prefix + str(first)
        self._store.objects.put(name, self._store.vault.seal(name, _to_bytes(made)))

    def add(self, first: int, made: Slice, *, last: bool) -> None:
        """Count a slice in: one that was kept, or the last one, which stays in memory."""
        self._counts.append(_Counts.of(made.taken))
        if last:
            self._last = made.taken
        else:
            self._kept.append(first)

    def arrivals(self) -> Iterator[Arrivals]:
        """All new entries whose digests are held, and their files, by ranges of keys."""
        return (self._arrivals(lowest, highest) for lowest, highest in self._ranges(_ARRIVALS))

    def suspects(self) -> Iterator[Suspect]:
        """Entries that say nothing about a file."""
        return chain.from_iterable(taken.suspects for taken in self._all())

    def changes(self) -> Changes:
        """What the pull brought, by kind."""
        return Changes(
            adds=self._places(lambda counts: counts.adds, lambda taken: taken.adds),
            withdrawals=self._places(lambda counts: counts.withdrawals, lambda taken: taken.withdrawals),
            disputes=self._places(lambda counts: counts.disputes, lambda taken: taken.disputes),
        )

    def write(self, unit: Unit, log_id: int) -> None:
        """All index rows, in the order of their keys, then what `Taken.mark` does, in the order of the list."""
        for lowest, highest in self._ranges(_ROWS):
            keys, positions, collections = _joined(_rows(taken, lowest, highest) for taken in self._all())
            unit.entries.add(log_id, keys=keys, positions=positions, collections=collections)
        for taken in self._all():
            taken.mark(unit, log_id)

    def _arrivals(self, lowest: int, highest: int) -> Arrivals:
        parts = [(_entries(taken, lowest, highest), _pairs(taken, lowest, highest)) for taken in self._all()]
        keys, positions = _joined(rows for rows, _ in parts)
        pairs = [
            Pairs.ordered(*kinds, *_joined(each[at] for _, each in parts)) for at, kinds in enumerate(_PAIRS)
        ]
        return Arrivals(keys, positions, pairs)

    def _all(self) -> Iterator[Taken]:
        for first in self._kept:
            self._proceed()
            yield self._load(first).taken
        if self._last is not None:
            yield self._last

    def _load(self, first: int) -> Slice:
        name = self._prefix + str(first)
        return _from_bytes(self._store.vault.unseal(name, self._store.objects.get(name)))

    def _ranges(self, rows: int) -> Iterator[tuple[int, int]]:
        count = 1 + sum(counts.rows for counts in self._counts) // rows
        edges = [(at << 64) // count - (1 << 63) for at in range(count + 1)]
        return ((lowest, following - 1) for lowest, following in pairwise(edges))

    def _places(self, count: Callable[[_Counts], int], places: Callable[[Taken], Positions]) -> "_Places":
        return _Places([count(counts) for counts in self._counts], lambda: map(places, self._all()))


@dataclass(frozen=True, slots=True)
class _Places:
    """Positions of one kind, which stay in their slices."""

    counts: list[int]
    """By slice."""
    read: Callable[[], Iterator[Positions]]

    def __len__(self) -> int:
        return sum(self.counts)

    def __getitem__(self, at: int, /) -> int:
        left = at + len(self) if at < 0 else at
        for count, positions in zip(self.counts, self.read(), strict=True):
            if left < count:
                return int(positions[left])
            left -= count
        raise IndexError(at)


def _rows(taken: Taken, lowest: int, highest: int) -> _Part:
    """Keys, positions and collections of the look-up rows whose keys lie in a range."""
    return _part(lowest, highest, taken.keys, taken.positions, taken.collections)


def _entries(taken: Taken, lowest: int, highest: int) -> _Part:
    """Keys and positions of those that are entries."""
    keys, positions, collections = _rows(taken, lowest, highest)
    entries = collections > 0
    return [keys[entries], positions[entries]]


def _pairs(taken: Taken, lowest: int, highest: int) -> list[_Part]:
    """Of each kind of pairs, positions, weak keys and stronger keys of those whose weak keys lie in a range."""
    return [
        _part(lowest, highest, each.weak_keys, each.positions, each.stronger_keys) for each in taken.pairs
    ]


def _part(lowest: int, highest: int, keys: Keys, *others: NDArray[Any]) -> _Part:
    """Copies, so that nothing else of the slice stays in memory; `keys` ascend."""
    first, end = np.searchsorted(keys, lowest, side="left"), np.searchsorted(keys, highest, side="right")
    return [column[first:end].copy() for column in (keys, *others)]


def _joined(parts: Iterable[_Part]) -> _Part:
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def _file_words(file: OpenFile) -> list[object]:
    return [file.content_id.hex(), [[kind, *first] for kind, first in file.firsts.items()]]


def _to_bytes(made: Slice) -> bytes:
    """The length of what is said in JSON, that, and the arrays one behind the other."""
    taken = made.taken
    columns = [getattr(taken, name) for name in _ARRAYS]
    columns += [getattr(pairs, name) for pairs in taken.pairs for name in _PAIR_ARRAYS]
    about = {
        "form": _FORM,
        "source": made.source,
        "frontier": made.frontier.hex(),
        "file": _file_words(taken.file),
        "suspects": [[position, pack(reason, _REASON)] for position, reason in taken.suspects],
        "columns": [(column.dtype.str, column.shape) for column in columns],
    }
    said = json.dumps(about).encode()
    return b"".join([len(said).to_bytes(_LENGTH), said, *(column.tobytes() for column in columns)])


def _from_bytes(data: bytes) -> Slice:
    """What `_to_bytes` gave: it was sealed, so nobody else wrote it. Raises `StoreError` for another form."""
    at = _LENGTH + int.from_bytes(data[:_LENGTH])
    about = json.loads(data[_LENGTH:at])
    if about.get("form") != _FORM:
        raise StoreError("another version of this program kept it", hint="sync again")
    columns = []
    for kind, shape in about["columns"]:
        count = math.prod(shape)
        columns.append(np.frombuffer(data, kind, count, at).reshape(shape))
        at += columns[-1].nbytes
    pairs = columns[len(_ARRAYS) :]
    content_id, firsts = about["file"]
    taken = Taken(
        **dict(zip(_ARRAYS, columns[: len(_ARRAYS)], strict=True)),
        pairs=tuple(
            Pairs(*kinds, *pairs[len(_PAIR_ARRAYS) * n :][: len(_PAIR_ARRAYS)])
            for n, kinds in enumerate(_PAIRS)
        ),
        suspects=tuple((position, unpack(reason)) for position, reason in about["suspects"]),
        file=OpenFile(bytes.fromhex(content_id), {kind: (key, at) for kind, key, at in firsts}),
    )
    return Slice(source=about["source"], frontier=bytes.fromhex(about["frontier"]), taken=taken)
