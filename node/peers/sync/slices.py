"""A pull that is being taken over, slice by slice: what each means for the catalogue is kept sealed until all stands.

Nobody reads a slice but who finishes the pull, so that judgements see the head of before until all of the new one is
there; a pull that was cut off goes on behind its last slice. Of what is kept of a slice only that counts which was made
of exactly what is staged for it now. Look-up rows, and pairs that may contradict each other, are then put where the
others of their ranges of keys are, on disk (`node.store.spool`): memory holds a slice or a range, however long the list
is, and a slice is read a few times.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, pairwise, repeat
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
from node.store.lists.columns import Positions
from node.store.lists.records import FileRun
from node.store.spool import Parts, Spool, part_of
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
_PAIR: Final = np.dtype([(name, "i8") for name in _PAIR_ARRAYS])
_ROW_ARRAYS: Final = ("keys", "positions", "collections")
_RUN: Final = np.dtype([(name, "i8") for name in FileRun._fields])
_ROW: Final = np.dtype(list(zip(_ROW_ARRAYS, ("i8", "i8", "i4"), strict=True)))


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
        kinds = [_ROW, *repeat(_PAIR, len(_PAIRS))]
        return map(_arrivals, self._by_key(_ARRIVALS, kinds, _arriving))

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
        """All index rows and files, in the order of their keys, then what `Taken.mark` does, in the order of the list.

        In another order each would cost a turn of the disk as soon as the tables are longer than what is cached.
        """
        for rows, runs in self._by_key(_ROWS, [_ROW, _RUN], _written):
            unit.entries.add(log_id, **{name: rows[name] for name in _ROW_ARRAYS})
            unit.file_runs.put(log_id, runs.view(np.int64).reshape(-1, len(FileRun._fields)))
        for taken in self._all():
            taken.mark(unit, log_id)

    def _by_key(
        self, rows: int, kinds: Sequence[np.dtype[Any]], tables: Callable[[Taken], Iterable[NDArray[Any]]]
    ) -> Iterator[list[NDArray[Any]]]:
        """What has these columns of all slices, by ranges of the first of them, with so many look-up rows in each."""
        count = 1 + sum(counts.rows for counts in self._counts) // rows
        with Spool(self._store.vault.entropy) as spool:
            parts = [Parts(spool, count) for _ in kinds]
            for taken in self._all():
                for part, table in zip(parts, tables(taken), strict=True):
                    _scatter(part, table)
            for at in range(count):
                self._proceed()
                yield [part.rows(at, kind) for part, kind in zip(parts, kinds, strict=True)]

    def _all(self) -> Iterator[Taken]:
        for first in self._kept:
            self._proceed()
            yield self._load(first).taken
        if self._last is not None:
            yield self._last

    def _load(self, first: int) -> Slice:
        name = self._prefix + str(first)
        return _from_bytes(self._store.vault.unseal(name, self._store.objects.get(name)))

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


def _arriving(taken: Taken) -> Iterator[NDArray[Any]]:
    yield _rows(_ROW, taken)
    yield from (_rows(_PAIR, pairs) for pairs in taken.pairs)


def _written(taken: Taken) -> Iterator[NDArray[Any]]:
    yield _rows(_ROW, taken)
    yield taken.runs.view(_RUN)[:, 0]


def _rows(kind: np.dtype[Any], columns: object) -> NDArray[Any]:
    """Rows of these columns."""
    first, *_ = names = kind.names or ()
    rows = np.empty(len(getattr(columns, first)), dtype=kind)
    for name in names:
        rows[name] = getattr(columns, name)
    return rows


def _scatter(parts: Parts, rows: NDArray[Any]) -> None:
    """Put rows where their keys belong, which stand first in them."""
    first, *_ = rows.dtype.names or ()
    keys = rows[first].view(np.uint64) + np.uint64(1 << 63)  # in the order of signed ones
    parts.scatter(rows, part_of(keys, parts.count))


def _arrivals(tables: Sequence[NDArray[Any]]) -> Arrivals:
    """Copies, so that no row stays in memory."""
    rows, *pairs = tables
    entries = rows["collections"] > 0
    return Arrivals(
        rows["keys"][entries],
        rows["positions"][entries],
        [
            Pairs.ordered(weak, stronger, *(each[name] for name in _PAIR_ARRAYS))
            for (weak, stronger), each in zip(_PAIRS, pairs, strict=True)
        ],
    )


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
