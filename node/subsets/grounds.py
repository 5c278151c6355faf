"""What a judgement of the held lists was made of: while it stays the same, so does what they say.

Judging may take minutes. Whoever publishes a judgement compares its grounds once more in the transaction that does so,
and judges again when they moved, so that no withdrawal or dispute that this node holds is passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.metadata import version
from typing import Final, Self

from keys.trust.members import Members
from node.judgement.premises import HeldList, Premises
from node.store.lists.records import LogKind
from node.store.subsets.records import SubsetRecord
from node.store.unit import Unit
from protocol.digest import Digest

_RULE: Final = 1
"""Of judging, choosing and screening: whoever changes what these give counts on, and the next release is made whole, as
it is by another version of the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """How far lists are held and opened, what is upon them, set aside, shredded or a tripwire."""

    sizes: Mapping[str, int]
    reopened: Mapping[str, int]
    overlays: frozenset[tuple[int, bytes]]
    set_aside: frozenset[int]
    tombstones: frozenset[bytes]
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
            tombstones=frozenset(each.mac for each in unit.tombstones.ls()),
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
    exclusions: frozenset[Digest]
    until: datetime
    """When the subset's epoch ends: nobody looks anything up in its releases after that."""


def stale(premises: Premises, order: Order) -> frozenset[str]:
    """Origins of the members' lists that are not fresh: what they say counts for what is listed already, and alone."""
    return _counting(premises, order) - premises.fresh(now=order.now, max_age=order.max_age)


def fingerprint(premises: Premises, tripwires: frozenset[int], order: Order) -> bytes | None:
    """What a release follows from that is judged by these premises, but for the events of members' lists and `stale`.

    None where other things may change it. Whatever has a bearing on a judgement has to be in it: what is left out makes
    the next release wrong, not slow.
    """
    counting, subset = _counting(premises, order), order.subset
    if premises.overlays or subset.filter.holdings:
        return None
    said = (
        (_RULE, version("sigfed")),
        [_fixed(each, whole=each.origin not in counting) for each in premises.lists],
        sorted((ref.origin, ref.index) for ref in premises.released),
        sorted(
            (origin, [(each.start, each.stop) for each in spans])
            for origin, spans in premises.revoked.items()
        ),
        [(each.mac, each.log_id, each.by, each.blocks) for each in premises.tombstones],
        sorted(tripwires),
        order.members.sha256,
        sorted((digest.algorithm, digest.value) for digest in order.exclusions),
        (subset.name, subset.epoch, subset.filter.sha256()),
    )
    return sha256(repr(said).encode()).digest()


def _counting(premises: Premises, order: Order) -> frozenset[str]:
    members = {member.node for member in order.members.members}
    return frozenset(log.origin for log in premises.heads if log.node in members)


def _fixed(held: HeldList, *, whole: bool) -> tuple[object, ...]:
    """What has to stay of a list: of one that may grow only whether there is anything, for then it is a source."""
    shredded = [(position, erased_ms is None) for position, erased_ms in held.shredded]
    size = held.size if whole else min(held.size, 1)
    return held.origin, size, held.reopened, held.set_aside, shredded
