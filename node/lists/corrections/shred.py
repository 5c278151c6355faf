"""Shredding a file: two persons ask every node to delete what an own list said about it.

For the file's entries in every collection, also those that ended before, and for own disputes of it, one event each
that carries SHRED. They are published like any other; what they ask for is done by `erase`, here as everywhere.
What is asked for is named by a position, never by a digest, so nothing that waits for a second person holds one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from node.errors import ConflictError, NotFoundError
from node.lists.catalogue import own_list
from node.lists.changes import new_record
from node.lists.families import Family
from node.lists.queue import Queue, retried
from node.store.lists.records import IndexHit, LogRecord, Shredding
from node.store.peers.records import Withdrawal
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.lists.event import SHRED, Op
from protocol.lists.ext import Ext, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ShredPlan:
    """What shredding a file would delete."""

    origin: str
    position: int
    """Of one of its entries or disputes: names the file to whoever confirms."""
    entries: int
    disputes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredded:
    """What will be deleted when it is published; all zero when it was queued before."""

    entries: int
    disputes: int


def prepare(store: Store, origin: str, digest: Digest) -> ShredPlan:
    """What shredding a digest and its siblings would delete of the own list `origin`.

    Raises:
        NotFoundError: there is no such list.
        NothingToDoError: it never listed or disputed the digest, or shredded it.
    """
    with store.read() as unit:
        hits = Family(store, unit, own_list(unit, origin)).everything(digest)
    disputes = sum(hit.collection < 0 for hit in hits)
    return ShredPlan(
        origin=origin, position=hits[0].position, entries=len(hits) - disputes, disputes=disputes
    )


def prepare_at(store: Store, origin: str, position: int) -> ShredPlan:
    """The same for the digest of the entry or dispute at a position."""
    with store.read() as unit:
        digest = Family(store, unit, own_list(unit, origin)).digest_at(position)
    return prepare(store, origin, digest)


def shred(store: Store, origin: str, position: int, *, reason: Reason) -> Shredded:
    """Queue the shredding of the file whose entry or dispute is at `position` of the own list `origin`.

    Asked again it does nothing more.

    Raises:
        NotFoundError: there is no such list or entry.
        ConflictError: others kept queueing changes at the same moment.
    """
    return retried(lambda: _shred(store, origin, position, reason))


def require_no_more(store: Store, origin: str, positions: Iterable[int], *, most: int) -> None:
    """Check that shredding the files at these positions deletes at most so many entries and disputes.

    Who adds a row to a file that is to be shredded, with the hash of another, would have both deleted.

    Raises:
        NotFoundError: there is no such list or entry.
        ConflictError: it deletes more.
    """
    with store.read() as unit:
        log = own_list(unit, origin)
        found = {hit.position for position in positions for hit in _hits(store, unit, log, position)}
    if len(found) > most:
        raise ConflictError(
            "it would delete {count} entries and disputes by now, and {most} were asked for",
            len(found),
            most,
            hint="look at the file again, reject this request, and ask anew",
        )


def _shred(store: Store, origin: str, position: int, reason: Reason) -> Shredded:
    with store.read() as unit:
        log = own_list(unit, origin)
        hits = _hits(store, unit, log, position)
    if hits:
        _queue(store, log, hits, reason)
    disputes = sum(hit.collection < 0 for hit in hits)
    return Shredded(entries=len(hits) - disputes, disputes=disputes)


def _hits(store: Store, unit: Unit, log: LogRecord, position: int) -> list[IndexHit]:
    """What is left to delete of the file at a position; raises `NotFoundError`."""
    done = {each.position for each in unit.shreddings.ls(log.id)}
    try:
        family = Family(store, unit, log)
        return [hit for hit in family.everything(family.digest_at(position)) if hit.position not in done]
    except NotFoundError:
        if position not in done:
            raise
        return []


def _queue(store: Store, log: LogRecord, hits: Sequence[IndexHit], reason: Reason) -> None:
    """Withdraws first, so that they are neighbours."""
    hits = sorted(hits, key=lambda hit: (hit.collection < 0, hit.position))
    queue = Queue(store, log)
    queue.put(_records(store, hits, reason))
    withdraws = sum(hit.collection > 0 for hit in hits)
    with queue.committed() as unit:
        by = {hit: log.tail + at for at, hit in enumerate(hits)}
        unit.entries.end(log.id, {(hit.key, hit.position): by[hit] for hit in hits if hit.ended is None})
        unit.shreddings.add([Shredding(log_id=log.id, position=hit.position, by=by[hit]) for hit in hits])
        if withdraws:
            last = log.tail + withdraws - 1
            unit.withdrawals.add(Withdrawal(log_id=log.id, first=log.tail, last=last))


def _records(store: Store, hits: Iterable[IndexHit], reason: Reason) -> list[bytes]:
    ext = Ext(reason=reason)
    return [
        new_record(
            store.vault.entropy,
            Op.WITHDRAW if hit.collection > 0 else Op.RESOLVE,
            abs(hit.collection),
            flags=SHRED,
            ref=hit.position,
            ext=ext,
        )
        for hit in hits
    ]
