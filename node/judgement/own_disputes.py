"""What this agency disputes: each hash that its lists block, whether or not that is published yet."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from node.errors import MissingObjectError
from node.judgement.effective import Current
from node.lists.entries import parse_opening, read_batch
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from protocol.digest import Digest
from protocol.lists.event import Op
from protocol.lists.listing import BlockKind


class DisputeState(StrEnum):
    """Where an own dispute stands."""

    WAITS = "waits"
    """It is queued, and blocks nothing before it is published."""
    BLOCKS = "blocks"
    ENDS = "ends"
    """It was taken back, and goes on blocking until that is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDispute:
    """One hash that one own list disputes."""

    origin: str
    index: int
    """Of the newest event that says so."""
    digest: Digest
    state: DisputeState


def own_disputes(store: Store, current: Current, node: str) -> list[OwnDispute]:
    """The open disputes of this node's lists, the newest of each list first."""
    with store.read() as unit:
        logs = unit.logs.ls(LogKind.OWN_LIST)
    queued = {log.origin: list(_queued(store, log)) for log in logs}
    ending = {
        (origin, index) for origin, changes in queued.items() for index, digest in changes if digest is None
    }
    found = {
        (held.listing.origin, block.digest): OwnDispute(
            origin=held.listing.origin,
            index=block.index,
            digest=block.digest,
            state=(
                DisputeState.ENDS if (held.listing.origin, block.index) in ending else DisputeState.BLOCKS
            ),
        )
        for held in current.listings
        if held.node == node
        for block in held.listing.blocks
        if block.kind is BlockKind.DISPUTE and not block.ended_by
    }
    found |= {
        (origin, digest): OwnDispute(origin=origin, index=index, digest=digest, state=DisputeState.WAITS)
        for origin, changes in queued.items()
        for index, digest in changes
        if digest is not None and (origin, index) not in ending
    }
    return sorted(found.values(), key=lambda each: (each.origin, -each.index))


def _queued(store: Store, log: LogRecord) -> Iterator[tuple[int, Digest | None]]:
    """The disputes of a list that wait for publication, by place; and without a digest the places that are resolved."""
    with store.read() as unit:
        batches = unit.pending.ls(log.id, first=log.head.size)
    for batch in batches:
        with suppress(MissingObjectError):  # it was published meanwhile
            for place, change in enumerate(read_batch(store, batch.object), batch.first):
                if change.op == Op.RESOLVE:
                    yield change.ref, None
                elif change.op == Op.DISPUTE:
                    yield place, parse_opening(change.opening).digest
