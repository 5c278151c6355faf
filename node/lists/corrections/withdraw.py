"""Withdrawing entries: one person, at once, and never half of a file.

A withdraw event ends one add. For a digest the list needs one for each active add of it, and of the digests that share
a content id with it, in every collection: a sibling left behind would still name the file. They are queued in one
transaction; an entry that waits for publication is withdrawn like a published one, by the position it will have.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from keys.message import Message
from node.lists.catalogue import own_list
from node.lists.changes import new_record
from node.lists.families import Family
from node.lists.queue import Queue, retried
from node.store.lists.records import IndexHit
from node.store.peers.records import Withdrawal
from node.store.store import Store
from protocol.digest import Digest
from protocol.lists.event import Op
from protocol.lists.ext import Ext, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """What a withdrawal will end when it is published."""

    entries: int
    digests: int
    """Of the file asked for and its siblings."""
    positions: tuple[int, ...]
    """Of the entries, ascending."""

    def said(self, origin: str) -> Message:
        """What will end, in words."""
        return Message.counted(
            "{list}: {count} entry will end with the next publication",
            "{list}: {count} entries will end with the next publication",
            self.entries,
            origin,
        )


def withdraw(store: Store, origin: str, digest: Digest, *, reason: Reason) -> Withdrawn:
    """Queue the withdrawal of a digest and its siblings from the own list `origin`.

    Raises:
        NotFoundError: there is no such list.
        NothingToDoError: it has no active entry of the digest.
        ConflictError: others kept queueing changes at the same moment.
    """
    return retried(lambda: _withdraw(store, origin, digest, reason))


def withdraw_at(store: Store, origin: str, position: int, *, reason: Reason) -> Withdrawn:
    """The same for the digest of the entry at a position."""
    with store.read() as unit:
        digest = Family(store, unit, own_list(unit, origin)).digest_at(position)
    return withdraw(store, origin, digest, reason=reason)


def _withdraw(store: Store, origin: str, digest: Digest, reason: Reason) -> Withdrawn:
    with store.read() as unit:
        log = own_list(unit, origin)
        hits = Family(store, unit, log).active(digest)
    queue = Queue(store, log)
    queue.put(_records(store, hits, reason))
    with queue.committed() as unit:
        ended = {(hit.key, hit.position): log.tail + at for at, hit in enumerate(hits)}
        unit.entries.end(log.id, ended)
        last = log.tail + len(hits) - 1
        unit.withdrawals.add(Withdrawal(log_id=log.id, first=log.tail, last=last))
    return Withdrawn(
        entries=len(hits),
        digests=len({hit.key for hit in hits}),
        positions=tuple(hit.position for hit in hits),
    )


def _records(store: Store, hits: Iterable[IndexHit], reason: Reason) -> list[bytes]:
    entropy, ext = store.vault.entropy, Ext(reason=reason)
    return [new_record(entropy, Op.WITHDRAW, hit.collection, ref=hit.position, ext=ext) for hit in hits]
