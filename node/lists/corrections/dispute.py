"""Objecting to a hash, whoever lists it, and taking the objection back: one person, at once.

A dispute carries the digest, which the own list need not have, and blocks it in all collections and all lists until it
is resolved or overruled. A list blocks a digest once, so a second dispute of it is refused, and so is one of what the
list withdrew for error. It is queued once for each collection in which held lists have the digest: whoever was granted
one of them sees the block. Spec: docs/spec/quorum.md, "Blocks".
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from keys.message import Message
from node.errors import AlreadyExistsError, NotFoundError, NothingToDoError, UsageError
from node.lists.catalogue import own_list
from node.lists.changes import new_record
from node.lists.lookup import Finder, Found
from node.lists.queue import Queue, retried
from node.store.index import gone_among
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.lists.event import Op
from protocol.lists.ext import Ext, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """What was queued, or resolved."""

    digests: int
    positions: tuple[int, ...]
    """Of the events that were queued, ascending."""
    passed_over: int = 0
    """Digests that this list blocks already."""

    def begun(self, origin: str) -> Message:
        """What was queued, in words."""
        return Message.counted(
            "{list}: {count} hash will be blocked with the next publication",
            "{list}: {count} hashes will be blocked with the next publication",
            self.digests,
            origin,
        )

    def ended(self, origin: str) -> Message:
        """What was resolved, in words."""
        return Message.counted(
            "{list}: the dispute of {count} hash will end with the next publication",
            "{list}: the dispute of {count} hashes will end with the next publication",
            self.digests,
            origin,
        )


def dispute(
    store: Store,
    origin: str,
    digests: Iterable[Digest],
    *,
    reason: Reason = Reason.ERROR,
    collection: int | None = None,
) -> Disputed:
    """Queue a block of each digest in the own list `origin`; those it blocks already are passed over.

    Raises:
        NotFoundError: there is no such list, or no held list has one of the digests and `collection` is not given.
        AlreadyExistsError: the list blocks all of them already.
        UsageError: one of them was shredded; a dispute would bring it back.
        ConflictError: others kept queueing changes at the same moment.
    """
    wanted = sorted(set(digests))
    return retried(lambda: _dispute(store, origin, wanted, reason, collection))


def resolve(store: Store, origin: str, digests: Iterable[Digest]) -> Disputed:
    """Queue the end of every open dispute of these digests in the own list `origin`.

    Raises:
        NotFoundError: there is no such list.
        NothingToDoError: it disputes none of them.
        ConflictError: others kept queueing changes at the same moment.
    """
    wanted = sorted(set(digests))
    return retried(lambda: _resolve(store, origin, wanted))


def resolve_at(store: Store, origin: str, position: int) -> Disputed:
    """The same for the digest of the dispute at a position."""
    with store.read() as unit:
        log = own_list(unit, origin)
        finder = Finder(store, unit)
        digest = finder.reader(log).opening(position).digest
        places = {
            found.hit.position
            for found in finder.find([digest] if digest else [], log=log)
            if found.is_dispute
        }
    if digest is None or position not in places:
        raise NotFoundError("{origin} has no open dispute at {position}", origin, position)
    return resolve(store, origin, [digest])


def _dispute(
    store: Store, origin: str, digests: list[Digest], reason: Reason, collection: int | None
) -> Disputed:
    with store.read() as unit:
        log = own_list(unit, origin)
        finder = Finder(store, unit)
        found = finder.find(digests)
        blocked = _blocked(finder, [each for each in found if each.log.id == log.id])
    places = [
        (number, digest)
        for digest in digests
        if digest not in blocked
        for number in _collections(found, digest, collection)
    ]
    if not places:
        raise AlreadyExistsError(
            "{origin} blocks this hash already", origin, hint="take a dispute back with: sigfed entry resolve"
        )
    entropy, ext = store.vault.entropy, Ext(reason=reason)
    records = [new_record(entropy, Op.DISPUTE, number, digest=digest, ext=ext) for number, digest in places]
    queue = Queue(store, log)
    queue.list_digests(
        0,
        store.vault.keys_of(digest for _, digest in places),
        np.array([-number for number, _ in places], dtype=np.int32),
    )
    _commit(queue, records, {}, naming=[digest for _, digest in places])
    return Disputed(
        digests=len(digests) - len(blocked),
        positions=tuple(range(log.tail, log.tail + len(places))),
        passed_over=len(blocked),
    )


def _resolve(store: Store, origin: str, digests: list[Digest]) -> Disputed:
    with store.read() as unit:
        log = own_list(unit, origin)
        found = [each for each in Finder(store, unit).find(digests, log=log) if each.is_dispute]
    if not found:
        raise NothingToDoError(
            "{origin} has no open dispute of this hash", origin, hint="was it resolved already?"
        )
    entropy = store.vault.entropy
    records = [
        new_record(entropy, Op.RESOLVE, each.collection, ref=each.hit.position, ext=Ext()) for each in found
    ]
    ended = {(each.hit.key, each.hit.position): log.tail + at for at, each in enumerate(found)}
    _commit(Queue(store, log), records, ended)
    return Disputed(
        digests=len({each.digest for each in found}), positions=tuple(range(log.tail, log.tail + len(found)))
    )


def _blocked(finder: Finder, own: Iterable[Found]) -> frozenset[Digest]:
    """What the list blocks: disputed and not resolved, or withdrawn for error."""
    return frozenset(each.digest for each in own if each.is_dispute or _was_error(finder, each))


def _was_error(finder: Finder, found: Found) -> bool:
    if found.hit.collection < 0 or found.hit.ended is None:
        return False
    return finder.reader(found.log).opening(found.hit.ended).ext.reason == Reason.ERROR


def _collections(found: Iterable[Found], digest: Digest, given: int | None) -> list[int]:
    if given is not None:
        return [given]
    numbers = {each.collection for each in found if each.digest == digest and each.hit.collection > 0}
    if not numbers:
        raise NotFoundError(
            "no list held here has this hash, so nothing says which collection it belongs to",
            hint="name the collection with --collection",
        )
    return sorted(numbers)


def _commit(
    queue: Queue, records: list[bytes], ended: dict[tuple[int, int], int], *, naming: Collection[Digest] = ()
) -> None:
    queue.put(records)
    with queue.committed() as unit:
        # Asked here, where no shredding comes in between: what is queued after one holds no such digest.
        _require_none_gone(queue.store, unit, naming)
        unit.entries.end(queue.log.id, ended)


def _require_none_gone(store: Store, unit: Unit, digests: Collection[Digest]) -> None:
    if gone_among(store.vault, unit, digests):
        raise UsageError(
            "this hash was shredded: a dispute would bring it back",
            hint="two persons can let it be named again: sigfed entry readmit",
        )
