"""The guards: what this node compares with before it lists, takes over or releases a digest.

Known-benign sets keep lawful files off the lists, tripwires stop a release that would make one of them a hit, and what
contradicts the held lists is set aside. The sets are kept as keyed hashes, eight bytes a hash, and a tripwire's digest
is sealed: whoever takes the store learns none. With N hashes in a set a lawful file is taken for one of them with
probability N / 2^64. Caps on changes a day are in `node.lists.pace`. See docs/reference/store.md, "Guards".
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keys.message import Message
from node.errors import AlreadyExistsError, UsageError
from node.formats.rows import ImportRow, RefusedRow, RowResult
from node.lists.collisions import Arrivals, Neighbours, Siblings, among_arrivals, among_files
from node.objects.filters import FolderFilters
from node.objects.sealed_names import tripwire_name
from node.store.lists.columns import Keys, Listed
from node.store.lists.records import BenignSet, IndexHit, LogRecord, Tripwire
from node.store.spool import Spool
from node.store.store import Store
from node.store.unit import Unit
from node.trust.others.revocations import doubted
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError
from protocol.slices import batches

Mask = NDArray[np.bool_]

_CHUNK: Final = 8192
_SHOWN: Final = 1000
_MOST_NOTE: Final = 200
_TOKEN_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class KnownBenign:
    """The known-benign sets as they are at one moment, mapped from their files."""

    sets: Mapping[str, Keys]

    def among(self, keys: Keys) -> Iterator[tuple[str, Mask]]:
        """For each set that has some of the keys: its name, and which."""
        if not self.sets:
            return
        order = np.argsort(keys)
        for name, held in self.sets.items():
            found = np.zeros(len(keys), dtype=np.bool_)
            if len(held):
                at = np.searchsorted(held, keys[order])
                at[at == len(held)] = 0
                found[order] = held[at] == keys[order]
            if found.any():
                yield name, found


@dataclass(frozen=True, slots=True, kw_only=True)
class BenignReport:
    """What became of the rows of a source."""

    record: BenignSet
    refused: tuple[RefusedRow, ...]
    """The first thousand."""


class RowGuard:
    """Judges rows of one import before they are sorted.

    Between the last good head and where another key goes on, nothing of a list counts. What was its owner's own there
    is added again, as an entry of its own; so is what somebody withdrew there who was not the owner. So what the list
    says in a range that is `doubted` is not known here.
    """

    def __init__(
        self,
        unit: Unit,
        siblings: Siblings,
        benign: KnownBenign,
        log: LogRecord,
        doubted: Sequence[range] = (),
    ) -> None:
        self._unit = unit
        self._siblings = siblings
        self._benign = benign
        self._log = log
        self._doubted = doubted
        self._passing = unit.guards.let_pass(log.id)

    def find(self, keys: Keys) -> Sequence[IndexHit]:
        """What all held lists have under these keys, without what is doubted."""
        found = self._unit.entries.find(keys.tolist()) if self._siblings.any else ()
        return [hit for hit in found if not self._is_doubted(hit)] if self._doubted else found

    def let_pass(self, keys: Collection[int]) -> frozenset[int]:
        """Of these look-up keys, those of rows that a person let pass."""
        return self._passing.intersection(keys)

    def judge(
        self, rows: Sequence[ImportRow], keys: Keys, starts: NDArray[np.int64], hits: Sequence[IndexHit]
    ) -> dict[int, str]:
        """Which of the rows are set aside, and why; `starts` says where each row's keys begin."""
        found = self._lawful(keys, starts)
        if hits:
            found |= self._contradicting(rows, keys, starts, hits)
        if not found:
            return found
        ends = np.append(starts[1:], len(keys))
        spans = {row: keys[starts[row] : ends[row]].tolist() for row in found}
        passed = self.let_pass({key for span in spans.values() for key in span})
        return {row: reason for row, reason in found.items() if not passed.issuperset(spans[row])}

    def _is_doubted(self, hit: IndexHit) -> bool:
        places = (hit.position, hit.ended) if hit.log_id == self._log.id else ()
        return any(place in span for place in places if place is not None for span in self._doubted)

    def _lawful(self, keys: Keys, starts: NDArray[np.int64]) -> dict[int, str]:
        found: dict[int, str] = {}
        for name, mask in self._benign.among(keys):
            rows = np.flatnonzero(np.logical_or.reduceat(mask, starts)).tolist()
            found |= dict.fromkeys(rows, _benign_words(name))
        return found

    def _contradicting(
        self, rows: Sequence[ImportRow], keys: Keys, starts: NDArray[np.int64], hits: Sequence[IndexHit]
    ) -> dict[int, str]:
        listed = {
            (hit.key, hit.collection) for hit in hits if hit.log_id == self._log.id and hit.ended is None
        }
        met = np.fromiter({hit.key for hit in hits}, dtype=np.int64)
        touched = np.flatnonzero(np.logical_or.reduceat(np.isin(keys, met), starts)).tolist()
        ends = np.append(starts[1:], len(keys))
        files = {row: (rows[row].digests, keys[starts[row] : ends[row]].tolist()) for row in touched}
        new = [
            row
            for row, (_, own) in files.items()
            if any((key, rows[row].collection) not in listed for key in own)
        ]
        found = among_files([files[row] for row in new], hits, self._siblings)
        return {new[number]: reason for number, reason in found.items()}


class Guards:
    """The guards of one node; `filters` is where its known-benign sets are, without which it has none."""

    def __init__(self, store: Store, filters: FolderFilters | None = None) -> None:
        self._store = store
        self._filters = filters

    def rows(self, unit: Unit, log: LogRecord) -> RowGuard:
        """A judge of rows that are imported into `log`."""
        # While nobody said where a list goes on, all that is added would be doubted as well: nothing is said again.
        spans = [span for span in doubted(unit).get(log.origin, ()) if span.stop <= log.head.size]
        return RowGuard(unit, Siblings(self._store, unit), self._known_benign(unit), log, spans)

    def suspects(self, log: LogRecord, arrivals: Iterable[Arrivals]) -> list[tuple[int, str]]:
        """Positions of entries a pull of `log` brought, that stand at `log.head.size` or later, each with a reason."""
        with self._store.read() as unit, Spool(self._store.vault.entropy) as spool:
            found: dict[int, str] = {}
            benign, siblings = self._known_benign(unit), Siblings(self._store, unit)
            neighbours = Neighbours(siblings, self._store.vault, spool)

            def held(keys: Keys) -> Listed:
                rows = unit.entries.standing(keys)
                listed: Listed = rows[(rows["log_id"] != log.id) | (rows["position"] < log.head.size)]
                return listed

            for part in arrivals:
                for name, mask in benign.among(part.keys):
                    found |= dict.fromkeys(part.positions[mask].tolist(), _benign_words(name))
                found |= among_arrivals(part, held, siblings, neighbours)
        return sorted(found.items())

    def benign_of(self, files: Sequence[Sequence[Digest]]) -> Mapping[int, str]:
        """Which of the files have a hash in a known-benign set, by their place, and in which."""
        keys = self._store.vault.keys_of(digest for file in files for digest in file)
        places = np.repeat(np.arange(len(files)), [len(file) for file in files])
        with self._store.read() as unit:
            found = list(self._known_benign(unit).among(keys))
        return {place: name for name, mask in found for place in places[mask].tolist()}

    def add_benign(
        self,
        name: str,
        rows: Iterable[RowResult],
        *,
        now_ms: int,
        progress: Callable[[int], None] = lambda _: None,
    ) -> BenignReport:
        """Keep the hashes of `rows` as the known-benign set `name`.

        Raises:
            AlreadyExistsError: there is a set of that name; nothing was changed.
            UsageError: not one row has a hash.
        """
        with self._store.read() as unit:
            if any(record.name == name for record in unit.guards.benign()):
                raise AlreadyExistsError(
                    "there is a known-benign set {name}",
                    name,
                    hint=Message("remove it first: sigfed guard benign remove {name}", name),
                )
        self._sweep()
        file = f"benign-{self._store.vault.entropy(_TOKEN_BYTES).hex()}"
        counted = _Counted(progress)
        with self._place.adding():
            hashes = self._place.build(file, self._keys(rows, counted))
            record = BenignSet(
                name=name,
                file=file,
                hashes=hashes,
                rows=counted.rows,
                refused=counted.refused,
                added_ms=now_ms,
            )
            try:
                self._keep(record)
            except (UsageError, AlreadyExistsError):
                self._place.delete(file)
                raise
        return BenignReport(record=record, refused=tuple(counted.shown))

    def benign_sets(self) -> Sequence[BenignSet]:
        """The known-benign sets, by name."""
        with self._store.read() as unit:
            return unit.guards.benign()

    def remove_benign(self, name: str) -> None:
        """Forget a set; raises `NotFoundError`. What it set aside stays so."""
        self._sweep()
        with self._store.write() as unit:
            record = unit.guards.remove_benign(name)
        self._place.delete(record.file)

    def add_tripwires(self, digests: Sequence[Digest], *, note: str, now_ms: int) -> int:
        """Never release these digests; returns how many are new."""
        if len(note) > _MOST_NOTE:
            raise UsageError("a note has at most {most} characters", _MOST_NOTE)
        vault = self._store.vault
        records = [
            Tripwire(
                key=key,
                sealed=vault.seal(tripwire_name(key), bytes((digest.algorithm,)) + digest.value),
                note=note,
                added_ms=now_ms,
            )
            for digest, key in zip(digests, vault.keys_of(digests).tolist(), strict=True)
        ]
        with self._store.write() as unit:
            return unit.guards.add_tripwires(records)

    def tripwires(self) -> Sequence[tuple[Tripwire, Algorithm]]:
        """All tripwires with the algorithm of each, oldest first."""
        with self._store.read() as unit:
            records = unit.guards.tripwires()
        return [(record, self._opened(record).algorithm) for record in records]

    def remove_tripwires(self, numbers: Iterable[int]) -> None:
        """Forget tripwires by their numbers, all or none; raises `NotFoundError`."""
        with self._store.write() as unit:
            for number in numbers:
                unit.guards.remove_tripwire(number)

    def tripped(self, digests: Collection[Digest]) -> frozenset[Digest]:
        """Which of the digests must never be released."""
        return frozenset(digest for digest in self.wired() if digest in digests)

    def wired(self) -> frozenset[Digest]:
        """All digests that must never be released."""
        with self._store.read() as unit:
            return frozenset(self._opened(record) for record in unit.guards.tripwires())

    @property
    def _place(self) -> FolderFilters:
        if self._filters is None:
            raise UsageError("this node has no place for known-benign sets")
        return self._filters

    def _sweep(self) -> None:
        self._place.sweep(lambda: [record.file for record in self.benign_sets()])

    def _keep(self, record: BenignSet) -> None:
        if not record.hashes:
            raise UsageError("no row of it has a hash", hint="see docs/reference/formats.md")
        with self._store.write() as unit:
            unit.guards.add_benign(record)

    def _known_benign(self, unit: Unit) -> KnownBenign:
        if self._filters is None:
            return KnownBenign({})
        return KnownBenign({record.name: self._filters.load(record.file) for record in unit.guards.benign()})

    def _keys(self, rows: Iterable[RowResult], counted: "_Counted") -> Iterator[Keys]:
        for chunk in batches(counted.take(rows), _CHUNK):
            yield self._store.vault.keys_of(digest for row in chunk for digest in row.digests)

    def _opened(self, record: Tripwire) -> Digest:
        data = self._store.vault.unseal(tripwire_name(record.key), record.sealed)
        try:
            return Digest(Algorithm(data[0]), data[1:])
        except (ValueError, IndexError, MalformedError) as exc:
            raise AssertionError("what was sealed here is a digest") from exc


class _Counted:
    """Counts rows as they pass."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self.rows = 0
        self.refused = 0
        self.shown: list[RefusedRow] = []
        self._progress = progress

    def take(self, rows: Iterable[RowResult]) -> Iterator[ImportRow]:
        """The rows that can be used."""
        for row in rows:
            self.rows += 1
            if self.rows % _CHUNK == 0:
                self._progress(self.rows)
            if isinstance(row, ImportRow):
                yield row
                continue
            self.refused += 1
            if len(self.shown) < _SHOWN:
                self.shown.append(row)


def _benign_words(name: str) -> str:
    return Message("it is in the known-benign set {name}", name)
