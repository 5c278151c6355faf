"""What a judgement of the held lists was made of: while it stays the same, so does what they say.

Judging may take minutes. Whoever publishes a judgement compares its grounds once more in the transaction that does so,
and judges again when they moved, so that no withdrawal or dispute that this node holds is passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from node.store.lists.records import LogKind
from node.store.unit import Unit


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
            tripwires=frozenset(each.id for each in unit.guards.tripwires()),
        )
