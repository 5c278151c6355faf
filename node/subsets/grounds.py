"""What a judgement of the held lists was made of: while it stays the same, so does what they say.

Judging may take minutes. Whoever publishes a judgement compares its grounds once more in the transaction that does so,
and judges again when they moved, so that no withdrawal or dispute that this node holds is passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from keys.trust.members import Members
from node.judgement.premises import Premises
from node.store.lists.records import LogKind, LogRecord
from node.store.subsets.records import SubsetRecord
from node.store.unit import Unit
from protocol.subset.sources import SourceCheckpoint, number_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """How far lists are held and opened, what is upon them, set aside, shredded or a tripwire."""

    sizes: Mapping[str, int]
    reopened: Mapping[str, int]
    overlays: frozenset[tuple[int, bytes]]
    set_aside: frozenset[int]
    tombstones: frozenset[tuple[int, bytes]]
    """By list: what a peer shredded before this node did has two."""
    buried: frozenset[tuple[int, int]]
    """List and position of what was shredded: a draft that names one in a row finds that row no more."""
    tripwires: frozenset[int]

    @classmethod
    def of(cls, unit: Unit) -> Self:
        """The grounds as one transaction sees them."""
        logs = unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)
        return cls(
            sizes={log.origin: log.head.size for log in logs},
            reopened={log.origin: log.reopened for log in logs},
            overlays=frozenset((one.log_id, one.root) for one in unit.overlays.ls()),
            set_aside=frozenset(item.id for item in unit.quarantine.ls()),
            tombstones=frozenset((each.log_id, each.mac) for each in unit.tombstones.ls()),
            buried=frozenset((each.log_id, each.position) for each in unit.shreddings.ls() if each.mac),
            tripwires=tripwires_of(unit),
        )


def tripwires_of(unit: Unit) -> frozenset[int]:
    """The look-up keys of what must never be released; a number may stand for another tripwire tomorrow."""
    return frozenset(each.key for each in unit.guards.tripwires())


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for: a subset, and what to judge it by."""

    subset: SubsetRecord
    members: Members
    now: datetime
    max_age: timedelta
    until: datetime
    """When the subset's epoch ends: nobody looks anything up in its releases after that."""


def stale(premises: Premises, order: Order) -> frozenset[str]:
    """Origins of the members' lists that are not fresh: what they say counts for what is listed already, and alone."""
    return _counting(premises, order) - premises.fresh(now=order.now, max_age=order.max_age)


def _counting(premises: Premises, order: Order) -> frozenset[str]:
    members = {member.node for member in order.members.members}
    return frozenset(log.origin for log in premises.heads if log.node in members)


def numbered_sources(
    unit: Unit, order: Order, heads: Sequence[LogRecord]
) -> tuple[Mapping[str, int], tuple[SourceCheckpoint, ...]]:
    """The source numbers that were given in this epoch, and the members' lists that are read, each with its own.

    Others say nothing that a label or a member could refer to. Raises `TooLargeError` where the epoch has no more.
    """
    members = {member.node for member in order.members.members}
    read = [log for log in heads if log.node in members and log.head.size]
    given = unit.subsets.source_numbers(order.subset.name, order.subset.epoch)
    numbers = number_sources(given, [log.origin for log in read])
    sources = (
        SourceCheckpoint(
            number=numbers[log.origin], origin=log.origin, size=log.head.size, root=log.head.root
        )
        for log in read
    )
    return given, tuple(sorted(sources, key=lambda source: source.number))
