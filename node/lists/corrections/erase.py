"""Doing what SHRED asks for: openings deleted whole, here, of own lists and of peers', and nothing left of them.

Three steps, each of which may be repeated. One transaction writes the tombstones, takes out the look-up rows and
empties the rows of releases, while the openings still say which digest it is. Then all is rewritten that holds it:
openings, what a crash left of older ones, case data, abandoned batches; and copies for recipients, partners' reports
and proposals. What others still list stays in those, and in releases, when a peer shredded it. A last transaction notes
that it is done, unless the list moved meanwhile. A withdrawal that a guard set aside deletes nothing until somebody has
released it: whoever steals a peer's key must not empty what others hold of its list.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from keys.errors import SigfedError
from node.errors import ConflictError, MissingObjectError, NotFoundError, StoreError
from node.lists.entries import ListReader, read_batch
from node.lists.imports.case_data import without_entries
from node.lists.lookup import Finder
from node.lists.tombstones import MOST_HONOURED, note_all_listed
from node.objects.kept_proposals import erase_proposed
from node.objects.listed_rows import erase as erase_listed
from node.objects.listed_rows import erase_from_rosters, forget_rosters
from node.objects.logfiles import LogFiles
from node.objects.recipient_files import erase_from_copies
from node.objects.taken_reports import erase_reports
from node.store.index import listed_among
from node.store.lists.records import LogKind, LogRecord, Shredding, StillListed, Tombstone
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.errors import MalformedError
from protocol.lists.ext import Reason
from protocol.lists.opening import Opening
from protocol.tlog.merkle import leaf_hash

_ATTEMPTS: Final = 5
_Select = Callable[[Unit, LogRecord], list[Shredding]]
"""Which deletions of a list to do."""


@dataclass(frozen=True, slots=True)
class _Grave:
    """One shredding, with what its opening says for the last time."""

    shredding: Shredding
    digest: Digest | None = field(repr=False)
    leaf_hash: bytes
    blocks: bool


def carry_out(store: Store, origin: str, *, now_ms: int) -> int:
    """Delete what published events of the held list `origin` ask to delete; returns how many openings that were.

    Raises:
        NotFoundError: there is no such list.
        ConflictError: the list would not stand still; running again goes on.
    """
    return _carry_out(store, origin, _due, now_ms)


def _carry_out(store: Store, origin: str, select: _Select, now_ms: int) -> int:
    for _ in range(_ATTEMPTS):
        with store.read() as unit:
            log = unit.logs.get(origin)
            due, asked = select(unit, log), _places(unit, log)
        if not due or log.pending is not None:
            return 0  # whoever publishes or commits the pending head comes here after it
        if _erase(store, log, due, asked, now_ms):
            store.scrub()
            return len(due)
        # What was written just now was read before somebody else deleted more: all of it once more.
        select = _published
    raise ConflictError("{origin} kept changing", origin, hint="run the command again")


def redo(store: Store, log: LogRecord, *, now_ms: int) -> None:
    """Delete again what a publisher or pull that lost its race may have written again, behind the head it saw."""
    with store.write() as unit:
        unit.shreddings.reopen(log.id, first=log.head.size - log.head.size % 256)
    with suppress(ConflictError):
        carry_out(store, log.origin, now_ms=now_ms)


def carry_out_everywhere(store: Store, *, now_ms: int) -> int:
    """Look at every list once more, also where everything was deleted before; returns at how many openings.

    What stops it in one list stops it in no other; it is raised at the end.
    """
    with store.read() as unit:
        logs = unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)
    done, failures = 0, list[Exception]()
    for log in logs:
        try:
            done += _carry_out(store, log.origin, _published, now_ms)
        except (SigfedError, OSError) as exc:
            failures.append(exc)
    note_all_listed(store)
    for failure in failures:
        raise failure
    return done


def _due(unit: Unit, log: LogRecord) -> list[Shredding]:
    return [each for each in _published(unit, log) if each.erased_ms is None]


def _published(unit: Unit, log: LogRecord) -> list[Shredding]:
    """Shreddings that are asked for by published events, those left out that a guard set aside."""
    shreddings = [each for each in unit.shreddings.ls(log.id) if each.by < log.head.size]
    waiting = [item for item in unit.quarantine.ls(log.id) if item.kind == "withdraw"] if shreddings else []
    return [each for each in shreddings if not any(item.first <= each.by <= item.last for item in waiting)]


def _places(unit: Unit, log: LogRecord) -> frozenset[int]:
    return frozenset(each.position for each in _published(unit, log))


def _erase(
    store: Store, log: LogRecord, due: Sequence[Shredding], asked: frozenset[int], now_ms: int
) -> bool:
    """All three steps; False when before the last the list moved, or more than `asked` is asked for by now."""
    try:
        with store.read() as unit:
            reader = ListReader(store, unit, log)
            graves = [_grave(store, reader, each) for each in due]
        buried = _bury(store, log, graves, now_ms)
        _erase_objects(store, log, buried, now_ms)
    except MissingObjectError:  # a wider bundle took the place of the one that was read
        if _stands(store, log):
            raise
        return False
    with store.write() as unit:
        now = unit.logs.get(log.origin)
        if now.head != log.head or now.pending is not None or _places(unit, now) != asked:
            return False
        unit.shreddings.erased(buried, now_ms=now_ms)
        unit.tombstones.drop_still_listed(log.id, [each.position for each in buried])
    return True


def _stands(store: Store, log: LogRecord) -> bool:
    with store.read() as unit:
        return unit.logs.get(log.origin).head == log.head


def _grave(store: Store, reader: ListReader, each: Shredding) -> _Grave:
    by = _opening(reader, each.by)
    opening = _opening(reader, each.position)
    digest = opening.digest if opening else None
    mac = each.mac if digest is None else store.vault.tombstone_of(digest)
    content_id = opening.ext.content_id if opening else None
    file = store.vault.file_key_of(content_id) if content_id else None
    return _Grave(
        shredding=replace(each, mac=mac, file=file),
        digest=digest,
        leaf_hash=leaf_hash(reader.event(each.by)),
        blocks=by is not None and by.ext.reason == Reason.ERROR,
    )


def _opening(reader: ListReader, position: int) -> Opening | None:
    try:
        return reader.opening(position)
    except MissingObjectError:
        raise
    except (NotFoundError, StoreError):  # deleted, or of a newer version
        return None


def _bury(store: Store, log: LogRecord, graves: Sequence[_Grave], now_ms: int) -> list[Shredding]:
    """Tombstones in, look-up rows and what releases list out; returns the shreddings with their tombstones."""
    keys = {grave.shredding.position: store.vault.key_of(grave.digest) for grave in graves if grave.digest}
    digests = {grave.digest for grave in graves if grave.digest}
    # An import asks for tombstones before it lists something: what it lists is seen here, or it sees these.
    with store.write(alone=True) as unit:
        unit.tombstones.add(_tombstones(unit, log, graves, now_ms))
        unit.shreddings.bury([grave.shredding for grave in graves])
        unit.tombstones.note_still_listed(list(_standing(store, unit, log, graves)))
        unit.entries.remove(log.id, [(key, position) for position, key in keys.items()])
        erase_listed(store, unit, _gone_among(store, unit, log, digests))
    return [grave.shredding for grave in graves]


def _tombstones(unit: Unit, log: LogRecord, graves: Sequence[_Grave], now_ms: int) -> Sequence[Tombstone]:
    """Of an own list all, of a peer's as many as one list may make here."""
    found = {
        grave.shredding.mac: Tombstone(
            mac=grave.shredding.mac,
            log_id=log.id,
            by=grave.shredding.by,
            leaf_hash=grave.leaf_hash,
            blocks=grave.blocks,
            created_ms=now_ms,
        )
        for grave in graves
        if grave.digest is not None and grave.shredding.mac is not None
    }
    if log.kind is LogKind.OWN_LIST:
        return list(found.values())
    kept = sum(each.log_id == log.id for each in unit.tombstones.ls())
    return list(found.values())[: max(MOST_HONOURED - kept, 0)]


def _standing(store: Store, unit: Unit, log: LogRecord, graves: Sequence[_Grave]) -> Iterator[StillListed]:
    """Entries and disputes of the digests that are not deleted here, those too whose end may not count yet or ever."""
    gone = {grave.shredding.position for grave in graves}
    digests = {store.vault.key_of(grave.digest): grave.digest for grave in graves if grave.digest}
    lists = {each.id: each for each in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)}
    finder = Finder(store, unit)
    for hit in unit.entries.find(list(digests)):
        if hit.log_id not in lists or (hit.log_id == log.id and hit.position in gone):
            continue
        if _may_name(finder.reader(lists[hit.log_id]), hit.position, digests[hit.key]):
            mac = store.vault.tombstone_of(digests[hit.key])
            yield StillListed(mac=mac, log_id=hit.log_id, position=hit.position)


def _may_name(reader: ListReader, position: int, digest: Digest) -> bool:
    """Whether this opening is of the digest with whose look-up key it was found; of a damaged one the key says it."""
    try:
        return reader.opening(position).digest == digest
    except NotFoundError:  # deleted
        return False
    except StoreError:
        return True


def _erase_objects(store: Store, log: LogRecord, due: Sequence[Shredding], now_ms: int) -> None:
    files = LogFiles(store.objects, store.vault, log.origin)
    positions = [each.position for each in due]
    macs = frozenset(each.mac for each in due if each.mac is not None)
    store.objects.put_all(files.without_openings(positions, size=log.head.size))
    for name in list(files.stale_openings(positions, size=log.head.size)):
        store.objects.delete(name)
    if log.kind is LogKind.OWN_LIST:
        _erase_cases(store, log, positions)
        _erase_abandoned(store, log, files, macs)
    else:
        for name in list(store.objects.ls(files.name("staging", ""))):  # costs a pull under way its bundles
            store.objects.delete(name)

    is_gone = _is_gone(store, log, macs)
    forget_rosters(store)
    erase_from_rosters(store, is_gone)
    erase_from_copies(store, is_gone)
    erase_reports(store, is_gone, now_ms=now_ms)
    erase_proposed(store, is_gone)
    store.objects.sweep(wait=True)  # what killed writers left holds digests, too


def _gone_among(store: Store, unit: Unit, log: LogRecord, digests: set[Digest]) -> set[Digest]:
    """Those that nothing here may hold any more, because they were shredded in `log`.

    By this node's own word that is so until it is readmitted. By a peer's word only what nobody lists is gone: else one
    liar, who lists what others list and shreds it, would empty everybody's reports.
    """
    if log.kind is LogKind.OWN_LIST:
        own = _tombstoned_in(unit, log)
        return {digest for digest in digests if store.vault.tombstone_of(digest) in own}
    return digests - listed_among(store.vault, unit, digests)


def _is_gone(store: Store, log: LogRecord, macs: frozenset[bytes]) -> Callable[[Digest], bool]:
    """The same of the digest of one of these tombstones, for whoever goes through everything that is kept."""
    if log.kind is LogKind.OWN_LIST:
        with store.read() as unit:
            own = macs & _tombstoned_in(unit, log)
        return lambda digest: store.vault.tombstone_of(digest) in own

    def is_gone(digest: Digest) -> bool:
        if store.vault.tombstone_of(digest) not in macs:
            return False
        with store.read() as unit:
            return bool(_gone_among(store, unit, log, {digest}))

    return is_gone


def _tombstoned_in(unit: Unit, log: LogRecord) -> frozenset[bytes]:
    return frozenset(each.mac for each in unit.tombstones.ls() if each.log_id == log.id)


def _erase_cases(store: Store, log: LogRecord, positions: Sequence[int]) -> None:
    """Case data of the files that these entries belong to."""
    offsets: defaultdict[str, set[int]] = defaultdict(set)
    with store.read() as unit:
        for position in positions:
            for batch in unit.cases.ls(log.id, first=position, end=position + 1):
                offsets[batch.object].add(position - batch.first)
    for name, gone in offsets.items():
        store.rewrite(name, partial(without_entries, gone=gone))


def _erase_abandoned(store: Store, log: LogRecord, files: LogFiles, macs: frozenset[bytes]) -> None:
    """Waiting changes that no row names and that hold one of the digests.

    They belong to a process that died, or to an import that has not committed and will not: it looks at the
    tombstones again in its transaction, and they are there already.
    """
    found = set(store.objects.ls(files.name("pending", "")))
    with store.read() as unit:
        found -= {batch.object for batch in unit.pending.ls(log.id, first=0)}
    for name in found:
        with suppress(MissingObjectError):
            if _holds(store, name, macs):
                store.objects.delete(name)


def _holds(store: Store, name: str, macs: frozenset[bytes]) -> bool:
    for change in read_batch(store, name):
        try:
            digest = Opening.from_bytes(change.opening).digest
        except MalformedError:  # pragma: no cover - only this node writes batches
            continue
        if digest is not None and store.vault.tombstone_of(digest) in macs:
            return True
    return False
