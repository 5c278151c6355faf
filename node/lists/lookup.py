"""Where held lists name a digest: the look-up index, checked against the openings, and the other digests of its file.

Two digests may share a look-up key, so every row is held against its opening; one whose opening was not granted or was
deleted says nothing. Which digests belong to one file only the agencies that list it know: their content ids say it.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain

from node.errors import NotFoundError
from node.lists.changes import content_id_of, digest_of
from node.lists.entries import ListReader
from node.objects.logfiles import Item, LogFiles
from node.store.lists.records import IndexHit, LogKind, LogRecord
from node.store.store import Store
from node.store.subsets.records import WideKey
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.limits import HEADER_BYTES, MAX_FILE_EVENTS
from protocol.lists.event import REFERRING, Header
from protocol.lists.opening import Opening


@dataclass(frozen=True, slots=True)
class Found:
    """One add or dispute of a digest."""

    log: LogRecord
    hit: IndexHit
    digest: Digest
    opening: Opening

    @property
    def is_entry(self) -> bool:
        """Whether it is an add that nothing ended."""
        return self.hit.collection > 0 and self.hit.ended is None

    @property
    def is_dispute(self) -> bool:
        """Whether it is a dispute that nothing resolved."""
        return self.hit.collection < 0 and self.hit.ended is None

    @property
    def collection(self) -> int:
        """Its collection, of an add or a dispute."""
        return abs(self.hit.collection)


def digests_named(store: Store, unit: Unit, names: AbstractSet[WideKey]) -> dict[WideKey, Digest]:
    """The digests that these keyed hashes are of, as far as an opening in a held list names them."""
    named = digests_with(store, unit, [key for key, _ in names])
    found = zip(store.vault.wide_keys_of(named), named, strict=True)
    return {name: digest for name, digest in found if name in names}


def digests_with(store: Store, unit: Unit, keys: Sequence[int]) -> set[Digest]:
    """The digests with these look-up keys, likewise; few others may be among them."""
    places: dict[int, set[int]] = {}
    for hit in unit.entries.find(keys):
        places.setdefault(hit.log_id, set()).add(hit.position)
    found: set[Digest] = set()
    for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST):
        found |= set(digests_at(store, log, places.get(log.id, ())))
    return found


def digests_about(store: Store, log: LogRecord, items: Iterable[Item]) -> set[Digest]:
    """What these events of a held list, or upon it, are about, as far as that is known."""
    refs: set[int] = set()
    found: set[Digest] = set()
    for _, event, opening in items:
        header = Header.from_bytes(event[:HEADER_BYTES])
        if header.known and header.op in REFERRING:
            refs.add(header.ref)
        elif opening is not None and (digest := digest_of(opening)) is not None:
            found.add(digest)
    return found.union(digests_at(store, log, refs))


def digests_at(store: Store, log: LogRecord, places: Iterable[int]) -> Iterator[Digest]:
    """The digests that openings at these places of a held list name."""
    files, size = LogFiles(store.objects, store.vault, log.origin), log.head.size
    below = sorted(place for place in set(places) if place < size)
    for _, _, opening in files.items_at(below, size=size):
        if opening and (digest := digest_of(opening)) is not None:
            yield digest


class Finder:
    """Looks digests up in all lists that one transaction sees."""

    def __init__(self, store: Store, unit: Unit) -> None:
        self._store = store
        self._unit = unit
        self._logs = {log.id: log for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)}
        self._readers: dict[int, ListReader] = {}

    def log(self, origin: str) -> LogRecord:
        """The list of that origin; raises `NotFoundError`."""
        return self._unit.logs.get(origin)

    def reader(self, log: LogRecord) -> ListReader:
        """The reader of a list, kept for the next question."""
        reader = self._readers.get(log.id)
        if reader is None:
            reader = self._readers[log.id] = ListReader(self._store, self._unit, log)
        return reader

    def find(self, digests: Iterable[Digest], *, log: LogRecord | None = None) -> list[Found]:
        """Every add and dispute of exactly these digests, in one list or in all, by list and position."""
        by_key: dict[int, set[Digest]] = {}
        for digest in digests:
            by_key.setdefault(self._store.vault.key_of(digest), set()).add(digest)
        hits = self._unit.entries.find(list(by_key), log_id=None if log is None else log.id)
        found = (each for hit in hits for each in self._opened(hit, by_key[hit.key]))
        return sorted(found, key=lambda each: (each.log.origin, each.hit.position))

    def same_file(self, digests: Iterable[Digest], *, log: LogRecord | None = None) -> frozenset[Digest]:
        """The digests with those that one list (or any) gives the same content id; it reads lists that have them.

        What a peer gives more than `MAX_FILE_EVENTS` is no file: else it would have others dispute its whole list.
        """
        asked = frozenset(digests)
        ids: dict[int, set[bytes]] = {}
        for found in self.find(asked, log=log):
            if found.is_entry and found.opening.ext.content_id:
                ids.setdefault(found.log.id, set()).add(found.opening.ext.content_id)
        others = (
            opening.digest
            for log_id, wanted in ids.items()
            for _, opening in self.reader(self._logs[log_id]).with_content_ids(
                wanted, most=None if self._logs[log_id].kind is LogKind.OWN_LIST else MAX_FILE_EVENTS
            )
        )
        return asked | {digest for digest in others if digest is not None}

    def files_at(self, log: LogRecord, places: Iterable[int]) -> set[Digest]:
        """The digests of entries at these places of a list that is noted to its end (`node.lists.touches.catch_up`).

        With those that it gives the same content ids; none of a content id with more than `MAX_FILE_EVENTS`.
        """
        files, size = LogFiles(self._store.objects, self._store.vault, log.origin), log.head.size
        below = sorted(place for place in set(places) if place < size)
        openings = [opening for _, _, opening in files.items_at(below, size=size) if opening]
        ids = [content_id for each in openings if (content_id := content_id_of(each))]
        keys = self._store.vault.file_keys_of(ids)
        runs = self._unit.file_runs.of(log.id, keys, most=MAX_FILE_EVENTS)
        beside = (place for run in runs for place in range(run.first, run.last + 1))
        alone = (digest_of(each) for each in openings if not content_id_of(each))
        digests = chain(alone, digests_at(self._store, log, beside))
        return {digest for digest in digests if digest is not None}

    def _opened(self, hit: IndexHit, wanted: set[Digest]) -> Iterator[Found]:
        log = self._logs.get(hit.log_id)
        if log is None:
            return
        try:
            opening = self.reader(log).opening(hit.position)
        except NotFoundError:
            return
        if opening.digest in wanted:
            yield Found(log, hit, opening.digest, opening)
