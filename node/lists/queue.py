"""Changes into the queue of an own list: objects first, then one transaction that takes their positions.

A position is the index the event will have in the log: the queue is published in order and whole, so what refers to
a waiting entry can name it. Whoever loses the race for positions is told by `ConflictError` and starts again.

Labels and evidence show positions to partners, so an import is queued in random order: neighbours in its source, who
may be of one case, are neighbours in the log by chance alone. The order is drawn before positions are taken and never
again, because a withdrawal, an amend, or a shredding that waits for a second person names an entry by its position.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from node.errors import ConflictError, MissingObjectError, UsageError
from node.objects.logfiles import LogFiles
from node.store.lists.columns import Collections, Keys, Positions
from node.store.lists.records import Batch, LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.slices import slices

BATCH: Final = 16384
"""Changes in one sealed object."""
_ROWS: Final = 2**18
"""Rows of the index that are put in order at a time, on average: for keys are as good as random."""
_NAME_BYTES: Final = 16
_ATTEMPTS: Final = 5

Result = TypeVar("Result")


def retried(attempt: Callable[[], Result]) -> Result:
    """The result of `attempt`, begun anew when an import or a publication ended at the same moment."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except (ConflictError, MissingObjectError):
            continue
    return attempt()


@dataclass(slots=True)
class Queue:
    """Changes that are stored and have no positions yet; offsets count from the first of them."""

    store: Store
    log: LogRecord
    count: int = 0
    batches: list[Batch] = field(default_factory=list)
    cases: list[Batch] = field(default_factory=list)
    _parts: list[int] = field(default_factory=list)
    """Where each `put` began."""
    _index: list[tuple[int, Keys, Collections]] = field(default_factory=list)

    def put(self, records: Sequence[bytes]) -> None:
        """Seal and store packed changes behind those that are stored already."""
        named = []
        self._parts.append(self.count)
        for part in slices(records, BATCH):
            named.append(self._sealed("pending", b"".join(part)))
            self.batches.append(Batch(first=self.count, count=len(part), object=named[-1][0]))
            self.count += len(part)
        self.store.objects.put_all(named)

    def put_case(self, offset: int, data: bytes) -> None:
        """Seal and store the case data of the changes from `offset` on."""
        name, sealed = self._sealed("cases", data)
        self.cases.append(Batch(first=offset, count=self.count - offset, object=name))
        self.store.objects.put(name, sealed)

    def list_digests(self, offset: int, keys: Keys, collections: Collections) -> None:
        """Note for the index that the changes from `offset` on carry these digests."""
        self._index.append((offset, keys, collections))

    def shuffle(self) -> None:
        """Put what each `put` took into another place, as a whole; called last before `commit`."""
        begins = np.array(self._parts, dtype=np.int64)
        counts = np.diff(begins, append=self.count)
        order = self.store.vault.random_order(len(begins))
        places = np.empty_like(begins)
        places[order] = np.cumsum(counts[order]) - counts[order]
        shifts = (places - begins).tolist()

        def moved(offset: int) -> int:
            return offset + int(shifts[bisect_right(self._parts, offset) - 1])

        self.batches = [replace(batch, first=moved(batch.first)) for batch in self.batches]
        self.cases = [replace(batch, first=moved(batch.first)) for batch in self.cases]
        self._index = [(moved(at), keys, collections) for at, keys, collections in self._index]

    def commit(self, unit: Unit) -> None:
        """Take the positions from `log.tail` on, in the caller's transaction; raises `ConflictError`."""
        base = self.log.tail
        unit.logs.reserve(self.log, self.count)
        unit.pending.add(self.log.id, _moved(self.batches, base))
        unit.cases.add(self.log.id, _moved(self.cases, base))
        for keys, positions, collections in self._rows(base):
            unit.entries.add(self.log.id, keys=keys, positions=positions, collections=collections)

    @contextmanager
    def committed(self) -> Iterator[Unit]:
        """A transaction in which the changes have their positions; of one that is refused nothing stays.

        Raises `ConflictError`.
        """
        try:
            with self.store.write() as unit:
                self.commit(unit)
                yield unit
        except (ConflictError, UsageError):
            self.drop()  # of any other error nobody knows whether the transaction took effect
            raise

    def key_parts(self) -> Iterator[Keys]:
        """The look-up keys of everything noted so far, as they were noted."""
        return (keys for _, keys, _ in self._index)

    def _rows(self, base: int) -> Iterator[tuple[Keys, Positions, Collections]]:
        """Look-up keys, positions and collections of everything noted, a range of keys after the other."""
        count = 1 + sum(len(keys) for _, keys, _ in self._index) // _ROWS
        edges = [(at << 64) // count - (1 << 63) for at in range(count + 1)]
        for lowest, following in pairwise(edges):
            parts = []
            for offset, keys, collections in self._index:
                at = np.flatnonzero((keys >= lowest) & (keys <= following - 1))
                parts.append((keys[at], at + offset + base, collections[at]))
            if parts:
                keys, positions, collections = map(np.concatenate, zip(*parts, strict=True))
                yield keys, positions, collections

    def drop(self) -> None:
        """Delete the objects of changes that were certainly not committed; `sweep` finds the others."""
        for batch in (*self.batches, *self.cases):
            self.store.objects.delete(batch.object)

    def _sealed(self, kind: str, data: bytes) -> tuple[str, bytes]:
        vault = self.store.vault
        files = LogFiles(self.store.objects, vault, self.log.origin)
        name = files.name(kind, vault.entropy(_NAME_BYTES).hex())
        return name, vault.seal(name, data)


def _moved(batches: Iterable[Batch], base: int) -> list[Batch]:
    return [replace(batch, first=base + batch.first) for batch in batches]
