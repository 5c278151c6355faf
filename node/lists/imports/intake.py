"""Rows of a file into waiting entries of an own list: all of them in one transaction, or none.

Refused rows are reported with their line, also those with a digest that was shredded. Rows with a digest that this list
withdrew before go to quarantine, what the list has is passed over. Nothing is visible before the last line was read: an
input that breaks off leaves the list as it was. Files are queued in random order, the digests of each side by side; of
a long input, the rows that are read together, and these parts among each other. Case data is sealed beside the list and
enters no event. Digests that say nothing about a file never get here: the readers of `node.formats` refuse them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import numpy as np

from node.cycles import acyclic
from node.errors import ConflictError, UsageError
from node.formats.rows import ImportRow, RefusedRow, RowResult
from node.lists.catalogue import own_list
from node.lists.changes import AddPacker, ExtTemplate, Packer
from node.lists.entries import ListReader
from node.lists.guards import Guards
from node.lists.imports.case_data import pack_cases
from node.lists.imports.dedupe import Fresh, JoiningSorter, SetAside, Sorted, Sorter, collections_of
from node.lists.queue import Queue
from node.lists.tombstones import TombstoneFilter
from node.store.lists.columns import Positions
from node.store.lists.records import LogRecord, Quarantined
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Algorithm
from protocol.errors import MalformedError
from protocol.lists.ext import CONTENT_ID_BYTES, Basis, EntryRef, Ext
from protocol.lists.opening import NONCE_BYTES
from protocol.slices import batches, slices
from protocol.subset.filter import EXACT

_CHUNK: Final = 8192
_SHOWN: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, or a preview of it would do."""

    accepted: int = 0
    """Rows that bring something new."""
    entries: int = 0
    """Entries they become, one for each digest."""
    already_listed: int = 0
    duplicates: int = 0
    """Rows that repeat others of the same input."""
    refused: tuple[RefusedRow, ...] = ()
    """The first of the refused rows, at most a thousand."""
    refused_total: int = 0
    quarantined: int = 0
    set_aside: tuple[int, ...] = ()
    """Lines of the first rows that are quarantined, at most a thousand."""
    apart: int = 0
    """Accepted rows that name a SHA-1 or SHA-256 without the file's MD5: it may be screened by more than one hash."""

    def plus(self, other: "ImportReport") -> "ImportReport":
        """Both together."""
        return ImportReport(
            accepted=self.accepted + other.accepted,
            entries=self.entries + other.entries,
            already_listed=self.already_listed + other.already_listed,
            duplicates=self.duplicates + other.duplicates,
            refused=(self.refused + other.refused)[:_SHOWN],
            refused_total=self.refused_total + other.refused_total,
            quarantined=self.quarantined + other.quarantined,
            set_aside=(self.set_aside + other.set_aside)[:_SHOWN],
            apart=self.apart + other.apart,
        )


Progress = Callable[[int], None]
"""Told the number of rows read so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the importing agency says about every row.

    Raises `UsageError` for a contradiction, and for what no entry can say.
    """

    basis: Basis = Basis.RELIES_ON
    criteria: int
    """Version of the signed criteria document."""
    relies_on: str | None = None
    """Name of the export or supplier, for basis relies-on only."""
    review_by: date | None = None
    """When to look at the entries again."""
    legality: frozenset[str] = frozenset()
    """Countries where the material is known to be illegal."""

    def __post_init__(self) -> None:
        if self.relies_on is not None and self.basis is not Basis.RELIES_ON:
            raise UsageError("a source is named, but the basis is not relies-on")
        try:
            self.template()  # before a table is looked at, or a person asked
        except MalformedError as exc:
            raise UsageError(
                "no entry can say this: {reason}",
                exc,
                hint="a source is up to 64 printable ASCII characters, a review date is after 1969",
            ) from exc

    def ext(self, content_id: bytes, source: EntryRef | None = None) -> Ext:
        """What it says of one file, perhaps relying on a peer's entry."""
        return Ext(
            content_id=content_id,
            criteria=self.criteria,
            basis=self.basis,
            review_by=self.review_by,
            legality=tuple(sorted(self.legality)),
            relies_on=source or self.relies_on,
        )

    def template(self) -> ExtTemplate:
        """The ext of the entries of an import."""
        return ExtTemplate.of(self.ext(bytes(CONTENT_ID_BYTES)))


def import_rows(
    store: Store,
    origin: str,
    rows: Iterable[RowResult],
    *,
    statement: Statement,
    now_ms: int,
    progress: Progress = lambda _: None,
    guards: Guards | None = None,
) -> ImportReport:
    """Queue the new digests of `rows` for publication in the own list `origin`.

    Raises:
        NotFoundError: there is no such list.
        ConflictError: another import queued some of the same digests meanwhile; nothing was changed.
    """
    packer = AddPacker(statement.template())
    return queue_rows(store, origin, rows, packer=packer, now_ms=now_ms, progress=progress, guards=guards)


def queue_rows(
    store: Store,
    origin: str,
    rows: Iterable[RowResult],
    *,
    packer: Packer,
    now_ms: int,
    progress: Progress = lambda _: None,
    guards: Guards | None = None,
) -> ImportReport:
    """Queue the new digests of `rows` as adds that `packer` makes; see `import_rows`."""
    tombstones, known = TombstoneFilter.of(store), guards or Guards(store)
    with acyclic():
        first = _Import(store, origin, packer, now_ms, tombstones, known, Sorter)
        report = first.run(_chunks(tombstones.check(rows), progress))
        if first.deferred:
            second = _Import(store, origin, packer, now_ms, tombstones, known, JoiningSorter)
            report = report.plus(second.run(_chunks(first.deferred, lambda _: None)))
    return report


def preview_rows(
    store: Store,
    origin: str,
    rows: Iterable[RowResult],
    *,
    progress: Progress = lambda _: None,
    guards: Guards | None = None,
) -> ImportReport:
    """What `import_rows` would do; changes nothing."""
    report = ImportReport()
    with store.read() as unit:
        sorter = _make_sorter(Sorter, store, guards or Guards(store), unit, own_list(unit, origin))
        for chunk, refused in _chunks(TombstoneFilter.of(store).check(rows), progress):
            report = report.plus(_refusals(refused))
            if chunk:
                found = sorter.sort(chunk)
                also = replace(_count(found), accepted=len(found.fresh) + len(found.deferred))
                report = report.plus(also)
    return report


_Chunk = tuple[list[ImportRow], list[RefusedRow]]


@dataclass(slots=True)
class _Import:
    store: Store
    origin: str
    packer: Packer
    now_ms: int
    tombstones: TombstoneFilter
    guards: Guards
    sorter: type[Sorter | JoiningSorter]
    report: ImportReport = ImportReport()
    deferred: list[ImportRow] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)

    def run(self, chunks: Iterator[_Chunk]) -> ImportReport:
        """Import what can be decided now; the rest is in `deferred`."""
        with self.store.read() as unit:
            log = own_list(unit, self.origin)
            queue = Queue(self.store, log)
            try:
                self._read(chunks, queue, _make_sorter(self.sorter, self.store, self.guards, unit, log))
            except BaseException:
                queue.drop()
                raise
        queue.shuffle()
        try:
            self._commit(queue)
        except ConflictError:  # of any other error nobody knows whether the transaction took effect
            queue.drop()
            raise
        return self.report

    def _read(self, chunks: Iterator[_Chunk], queue: Queue, sorter: Sorter | JoiningSorter) -> None:
        for chunk, refused in chunks:
            self.report = self.report.plus(_refusals(refused))
            if not chunk:
                continue
            found = sorter.sort(chunk)
            self.report = self.report.plus(_count(found))
            self.deferred += found.deferred
            self.set_aside += found.aside
            if found.fresh:
                self._queue(queue, found)

    def _queue(self, queue: Queue, found: Sorted) -> None:
        """Rows are read in the order in which they came, which is quicker, and what they became is moved."""
        offset = queue.count
        counts = np.fromiter((len(item.digests) for item in found.fresh), np.int64, count=len(found.fresh))
        places, order = _scattered(counts, self.store.vault.random_order(len(counts)))
        records = self._records(found.fresh)
        queue.put([records[at] for at in order.tolist()])
        collections = np.repeat(collections_of([item.row for item in found.fresh]), counts)
        queue.list_digests(offset, np.concatenate(found.keys)[order], collections[order])
        case = pack_cases(found.fresh, places.tolist())
        if case:
            queue.put_case(offset, case)

    def _records(self, fresh: Sequence[Fresh]) -> list[bytes]:
        """One add for each new digest."""
        entropy, pack = self.store.vault.entropy, self.packer.pack
        ids = slices(entropy(CONTENT_ID_BYTES * len(fresh)), CONTENT_ID_BYTES)
        nonces = slices(entropy(NONCE_BYTES * sum(len(item.digests) for item in fresh)), NONCE_BYTES)
        records: list[bytes] = []
        for (row, digests, joined), own in zip(fresh, ids, strict=True):
            records += pack(row, digests, joined or own, nonces)
        return records

    def _commit(self, queue: Queue) -> None:
        if not queue.count and not self.set_aside:
            return
        with self.store.write() as unit:
            self.tombstones.require_unchanged(unit)
            log = unit.logs.get(self.origin)
            if log.tail != queue.log.tail:
                _check_overtaken(unit, queue)
            queue.log = log
            queue.commit(unit)
            for aside in self.set_aside[:_SHOWN]:
                unit.guards.set_aside(self._quarantined(log, aside), aside.keys)
            unit.guards.spend(log.id, queue.key_parts())

    def _quarantined(self, log: LogRecord, aside: SetAside) -> Quarantined:
        return Quarantined(
            log_id=log.id,
            kind="row",
            first=aside.row.line,
            last=aside.row.line,
            reason=aside.reason,
            created_ms=self.now_ms,
        )


def _make_sorter(
    kind: type[Sorter | JoiningSorter], store: Store, guards: Guards, unit: Unit, log: LogRecord
) -> Sorter | JoiningSorter:
    reader = ListReader(store, unit, log)

    def content_id_at(position: int) -> bytes:
        return reader.opening(position).ext.content_id or b""

    return kind(store.vault, log.id, guards.rows(unit, log), content_id_at)


def _scattered(counts: Positions, order: Positions) -> tuple[Positions, Positions]:
    """Where each file begins when files of so many digests stand in this order, and which digest comes when."""
    moved = counts[order]
    begins = np.cumsum(moved) - moved
    places = np.empty_like(begins)
    places[order] = begins
    shifts = np.repeat((np.cumsum(counts) - counts)[order] - begins, moved)
    return places, np.arange(len(shifts)) + shifts


def _chunks(rows: Iterable[RowResult], progress: Progress) -> Iterator[_Chunk]:
    read = 0
    for chunk in batches(rows, _CHUNK):
        taken = [row for row in chunk if isinstance(row, ImportRow)]
        refused = [row for row in chunk if isinstance(row, RefusedRow)] if len(taken) < len(chunk) else []
        read += len(chunk)
        yield taken, refused
        progress(read)


def _refusals(refused: Sequence[RefusedRow]) -> ImportReport:
    return ImportReport(refused=tuple(refused[:_SHOWN]), refused_total=len(refused))


def _count(found: Sorted) -> ImportReport:
    return ImportReport(
        accepted=len(found.fresh),
        entries=sum(len(keys) for keys in found.keys),
        already_listed=found.listed,
        duplicates=found.duplicates,
        quarantined=len(found.aside),
        set_aside=tuple(aside.row.line for aside in found.aside[:_SHOWN]),
        apart=sum(map(_is_apart, found.fresh)),
    )


def _is_apart(fresh: Fresh) -> bool:
    kinds = {digest.algorithm for digest in fresh.row.digests}
    return not fresh.content_id and Algorithm.MD5 not in kinds and not kinds.isdisjoint(EXACT)


def _check_overtaken(unit: Unit, queue: Queue) -> None:
    """Changes were queued since the rows were sorted: fine, unless one lists a digest of ours."""
    found = (unit.entries.find(keys.tolist(), log_id=queue.log.id) for keys in queue.key_parts())
    if any(hit.position >= queue.log.tail for hits in found for hit in hits):
        raise ConflictError(
            "{origin}: another import listed some of the same digests meanwhile",
            queue.log.origin,
            hint="run the import again: what is listed by now will be passed over",
        )
