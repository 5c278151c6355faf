"""Taking a peer's entries into an own list, as own knowledge or as reliance on the peer.

An endorsed file is endorsed with every digest the peer lists of it: each digest stands alone before the quorum, so a
file of which only some digests were taken would stay below it. Reliance names the peer's entry; own or reviewed
knowledge names nobody, because it is the agency's own statement.

A peer adds digests to a file by listing more under its content id. Who endorses what a page showed names the file with
the mark of what it held then: of a file that changed since nothing is endorsed, so nobody signs what it never saw.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from node.errors import UsageError
from node.formats.rows import NO_CASE, ImportRow
from node.judgement.fold import listings_of
from node.judgement.part import part_of
from node.judgement.premises import Premises
from node.judgement.queue import no_file
from node.lists.changes import AddPacker, Change, Packer, pack
from node.lists.guards import Guards
from node.lists.imports.intake import ImportReport, Statement, preview_rows, queue_rows
from node.lists.lookup import Finder, digests_at
from node.lists.touches import catch_up
from node.store.lists.records import FileRun, LogKind, LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.limits import MAX_FILE_EVENTS
from protocol.lists.event import Op
from protocol.lists.ext import Basis, EntryRef
from protocol.lists.listing import Entry, Listing, fold
from protocol.lists.opening import Opening
from protocol.slices import batches

Select = Callable[[Entry], bool]
"""Whether an entry of the peer is meant."""
File = tuple[int, list[Entry]]
"""A collection, and the entries that a list has of one file in it."""
_MARK_BYTES: Final = 16
_AT_ONCE: Final = 4096
"""Entries that are looked at together."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A peer's file, by the list and the index of one of its entries."""

    origin: str
    index: int
    mark: str = ""
    """Of the entries that were shown (`mark_of`); empty: what the peer lists of it now is meant."""

    @property
    def place(self) -> str:
        """As people name it."""
        return f"{self.origin}:{self.index}"


def mark_of(entries: Iterable[Entry]) -> str:
    """Tells whether a file holds the same entries as before; made of their indexes, which say nothing about them."""
    indexes = ",".join(str(index) for index in sorted(entry.index for entry in entries))
    return sha256(indexes.encode()).digest()[:_MARK_BYTES].hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsed:
    """What came of endorsing entries that were named one by one."""

    report: ImportReport
    missing: tuple[str, ...]
    """Those that are not active any more, as ORIGIN:INDEX."""
    changed: tuple[str, ...] = ()
    """Those whose file holds other entries than were shown, as ORIGIN:INDEX."""


class _PeerRow(ImportRow):
    """A peer's file as a row, which an import may keep until others are listed; with its entries."""

    refs: Mapping[Digest, EntryRef]


@dataclass(frozen=True, slots=True)
class _RelyingPacker:
    """Adds that name the peer's entries they rely on."""

    statement: Statement

    def pack(
        self, row: ImportRow, digests: Iterable[Digest], content_id: bytes, nonces: Iterator[bytes]
    ) -> list[bytes]:
        """Records of one file's digests, each with the next nonce."""
        assert isinstance(row, _PeerRow), "whoever relies on entries brings them"
        return [
            pack(
                Change(
                    Op.ADD,
                    0,
                    row.collection,
                    0,
                    self._opening(row.refs[digest], digest, content_id, next(nonces)),
                )
            )
            for digest in digests
        ]

    def _opening(self, ref: EntryRef, digest: Digest, content_id: bytes, nonce: bytes) -> bytes:
        return Opening(nonce, digest, self.statement.ext(content_id, ref)).to_bytes()


def endorse(
    store: Store,
    origin: str,
    *,
    source: str,
    statement: Statement,
    now_ms: int,
    select: Select = lambda _: True,
    guards: Guards | None = None,
) -> ImportReport:
    """Queue adds in the own list `origin` for the selected files of the peer's list `source`.

    `statement.relies_on` is not used: reliance names the peer's entries. What the guards set aside is not endorsed.

    Raises:
        NotFoundError: one of the lists is not known, or what is selected is no file (`MAX_FILE_EVENTS`).
        UsageError: `source` is not a peer's list.
        ConflictError: an import queued some of the same digests meanwhile.
    """
    wanted = _every_file(store, source, select)
    return _queue(store, origin, wanted, statement=statement, now_ms=now_ms, guards=guards)


def endorse_named(
    store: Store,
    origin: str,
    named: Iterable[NamedFile],
    *,
    statement: Statement,
    now_ms: int,
    guards: Guards | None = None,
) -> Endorsed:
    """Queue adds in the own list `origin` for the named files: all of them, or none.

    Passed over and named are those whose entry is not active any more, and those that do not hold what was shown.
    Raises as `endorse` does.
    """
    wanted: list[File] = []
    missing: list[NamedFile] = []
    changed: list[NamedFile] = []
    for source, asked in _by_list(named).items():
        listing = _part_of(store, source, asked)
        missing += [file for index, file in sorted(asked.items()) if index not in listing.entries]
        for collection, entries in _files(listing, _one_of(asked)):
            others = _not_as_shown(entries, asked)
            changed += others
            wanted += [] if others else [(collection, entries)]
    report = _queue(store, origin, wanted, statement=statement, now_ms=now_ms, guards=guards)
    return Endorsed(
        report=report,
        missing=tuple(file.place for file in missing),
        changed=tuple(file.place for file in changed),
    )


def _by_list(named: Iterable[NamedFile]) -> Mapping[str, Mapping[int, NamedFile]]:
    found: dict[str, dict[int, NamedFile]] = {}
    for file in named:
        found.setdefault(file.origin, {})[file.index] = file
    return found


def _not_as_shown(entries: Collection[Entry], asked: Mapping[int, NamedFile]) -> list[NamedFile]:
    """Those of its names under which a file was shown with other entries."""
    meant = [asked[entry.index] for entry in entries if entry.index in asked]
    held = mark_of(entries)
    return [file for file in meant if file.mark not in {"", held}]


def preview(
    store: Store, origin: str, files: Iterable[File], *, guards: Guards | None = None
) -> ImportReport:
    """What endorsing these files into the own list `origin` would do; changes nothing, raises as `endorse` does."""
    return preview_rows(store, origin, _rows(files), guards=guards)


def _queue(
    store: Store,
    origin: str,
    wanted: Iterable[File],
    *,
    statement: Statement,
    now_ms: int,
    guards: Guards | None,
) -> ImportReport:
    packer: Packer = AddPacker(statement.template())
    if statement.basis is Basis.RELIES_ON:
        packer = _RelyingPacker(statement)
    return queue_rows(store, origin, _rows(wanted), packer=packer, now_ms=now_ms, guards=guards)


def _rows(files: Iterable[File]) -> Iterator[ImportRow]:
    for collection, entries in files:
        digests = tuple(entry.digest for entry in entries)
        row = _PeerRow(entries[0].index, digests, collection, NO_CASE, "")
        row.refs = {entry.digest: entry.ref for entry in entries}
        yield row


def _one_of(indices: Collection[int]) -> Select:
    return lambda entry: entry.index in indices


def _every_file(store: Store, source: str, select: Select) -> Iterator[File]:
    catch_up(store)
    with store.read() as unit:
        log = _peer_list(unit, source)
        set_aside, crowds = unit.quarantine.ls(log.id), unit.file_runs.beyond(log.id, MAX_FILE_EVENTS)
    _require_none_of(store, log, crowds, select)
    listings = listings_of(store, log, set_aside, crowds)
    return (file for listing in listings for file in _files(listing, select))


def _require_none_of(store: Store, log: LogRecord, crowds: Iterable[FileRun], select: Select) -> None:
    """Raise `NotFoundError` if one of these entries is selected: their content ids have too many for a file."""
    for places in batches((at for run in crowds for at in range(run.first, run.last + 1)), _AT_ONCE):
        with store.read() as unit:
            entries = _listing(store, unit, log.origin, digests_at(store, log, places)).entries
        for index in entries.keys() & set(places):
            if select(entries[index]):
                raise no_file(log.origin, index)


def _part_of(store: Store, source: str, indices: Iterable[int]) -> Listing:
    """A peer's list as far as the files of these entries go."""
    catch_up(store)
    with store.read() as unit:
        log, finder = _peer_list(unit, source), Finder(store, unit)
        return _listing(store, unit, source, finder.files_at(log, indices))


def _listing(store: Store, unit: Unit, source: str, digests: Iterable[Digest]) -> Listing:
    """A peer's list as far as these digests go."""
    listings = part_of(store, unit, Premises.of(unit), digests).listings
    return next((each for each in listings if each.origin == source), fold(source, ()))


def _peer_list(unit: Unit, source: str) -> LogRecord:
    log = unit.logs.get(source)
    if log.kind is not LogKind.PEER_LIST:
        raise UsageError("{source} is not a peer's list", source)
    return log


def _files(listing: Listing, select: Select) -> Iterator[File]:
    """The selected files, each with all its entries of one collection."""
    groups: dict[tuple[int, bytes | int], list[Entry]] = {}
    for entry in listing.entries.values():
        groups.setdefault((entry.collection, entry.ext.content_id or entry.index), []).append(entry)
    for (collection, _), entries in groups.items():
        if any(map(select, entries)):
            yield collection, entries
