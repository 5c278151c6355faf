"""How much a node may change a day: its followers set aside what is beyond that, and it does not publish it by itself.

The day is counted over all lists of a node together, by the time when something came: a flood in many small pulls or
over many lists is the same flood. A follower lets through what the peer's node document calls normal, and never more
than it allows itself. Only the first pull of each list of a peer that is being added is not counted: the operator has
just asked for all of it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

from keys.message import Message
from keys.trust.node_parts import DEFAULT_DISPUTES_PER_DAY, NodeLimits
from node.clock import DAY_MS
from node.errors import BeyondLimitsError, NotFoundError
from node.store.lists.records import Intake, LogRecord
from node.store.unit import Unit

if TYPE_CHECKING:
    from node.config import Guards as GuardSettings

MOST_AT_ONCE: Final = 20_000_000
"""Events of a peer that are on their way into the store, whoever allows it: two lists of the size designed for."""
_ANY_DAY: Final = 2**20
"""Events of a day that are always fetched: they cost little, and a person sees what the limits set aside of them."""
_ANY_SYNC: Final = 2**14
"""Events of a list that each sync fetches: so many withdrawals do not wait behind what came in the day before."""

Record = tuple[str, int, int, str]
"""Kind, first and last position, reason: what becomes a record in quarantine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowGuards:
    """How much a peer may change a day before a person looks at it."""

    max_adds_per_day: int
    max_withdraws_per_day: int
    max_disputes_per_day: int = DEFAULT_DISPUTES_PER_DAY

    @classmethod
    def of(cls, limits: "NodeLimits | GuardSettings") -> Self:
        """What a node document calls normal days, or what this node lets any peer change a day."""
        return cls(
            max_adds_per_day=limits.max_adds_per_day,
            max_withdraws_per_day=limits.max_withdraws_per_day,
            max_disputes_per_day=limits.max_disputes_per_day,
        )

    @property
    def changes_per_day(self) -> int:
        """How many changes of any kind a day may bring at most."""
        return self.max_adds_per_day + self.max_withdraws_per_day + self.max_disputes_per_day

    def least_left(self, before: Intake) -> int:
        """So many changes of any kind are within the limits, after those of the day before."""
        return min(
            self.max_adds_per_day - before.adds,
            self.max_withdraws_per_day - before.withdrawals,
            self.max_disputes_per_day - before.disputes,
        )

    def at_most(self, most: "FollowGuards | None") -> "FollowGuards":
        """The lower of both: a peer does not decide alone how much of it goes unseen."""
        if most is None:
            return self
        return FollowGuards(
            max_adds_per_day=min(self.max_adds_per_day, most.max_adds_per_day),
            max_withdraws_per_day=min(self.max_withdraws_per_day, most.max_withdraws_per_day),
            max_disputes_per_day=min(self.max_disputes_per_day, most.max_disputes_per_day),
        )


NO_LIMITS: Final = FollowGuards(
    max_adds_per_day=2**62, max_withdraws_per_day=2**62, max_disputes_per_day=2**62
)
"""Of an operator who publishes more than a normal day's changes on purpose."""


class Places(Protocol):
    """Positions of one kind of events, ascending, wherever they are kept."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, at: int, /) -> int:
        """One of them; from the end where `at` is negative."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one pull brought, by kind."""

    adds: Places
    withdrawals: Places
    disputes: Places


def beyond(
    unit: Unit, log: LogRecord, changes: Changes, guards: FollowGuards, *, now_ms: int
) -> list[Record]:
    """What of a pull of `log`, as it stood before, goes beyond the day's limits; the pull is counted from now on."""
    if _is_first(unit, log, now_ms):
        unit.quarantine.note_intake(log.id, Intake(received_ms=now_ms, adds=0, withdrawals=0))
        return []
    before = unit.quarantine.intake_since(log.node, since_ms=now_ms - DAY_MS)
    unit.quarantine.note_intake(
        log.id,
        Intake(
            received_ms=now_ms,
            adds=len(changes.adds),
            withdrawals=len(changes.withdrawals),
            disputes=len(changes.disputes),
        ),
    )
    return [
        *_beyond("add", changes.adds, guards.max_adds_per_day - before.adds, Message("additions")),
        *_beyond(
            "withdraw", changes.withdrawals, guards.max_withdraws_per_day - before.withdrawals, "withdrawals"
        ),
        *_beyond(
            "dispute", changes.disputes, guards.max_disputes_per_day - before.disputes, Message("disputes")
        ),
    ]


def most_at_once(unit: Unit, log: LogRecord, limits: FollowGuards, *, now_ms: int) -> int:
    """How many events a head of a peer's `log` may bring before anything of it is fetched.

    A signed head may claim any size, and only its last event shows that it lied: whoever holds a log's key would fill
    every follower's disk. So it is judged by its size first, twice the limits of each day since the list was last
    seen; beside the events that the limits count a list has others.
    """
    if _is_first(unit, log, now_ms):
        return MOST_AT_ONCE
    came = unit.quarantine.intake_since(log.node, since_ms=now_ms - DAY_MS)
    days = max(-(-(now_ms - (log.checked_ms or now_ms)) // DAY_MS), 1)
    a_day = max(_ANY_DAY, 2 * limits.changes_per_day)
    left = days * a_day - came.adds - came.withdrawals - came.disputes
    return min(MOST_AT_ONCE, max(left, _ANY_SYNC))


def require_within(unit: Unit, node: str, new: Intake, limits: FollowGuards) -> None:
    """Refuse a publication of `new` events that the node's followers would set aside.

    Raises:
        BeyondLimitsError: it is more than the node's own document says.
    """
    before = unit.quarantine.intake_since(node, since_ms=new.received_ms - DAY_MS)
    counts = (
        (new.adds, before.adds, limits.max_adds_per_day, Message("additions")),
        (new.withdrawals, before.withdrawals, limits.max_withdraws_per_day, Message("withdrawals")),
        (new.disputes, before.disputes, limits.max_disputes_per_day, Message("disputes")),
    )
    over = [
        Message(
            "{count} {what} with {before} in the last 24 hours, and {most} a day are announced",
            f"{now:,}",
            what,
            f"{earlier:,}",
            f"{most:,}",
        )
        for now, earlier, most, what in counts
        if now and now + earlier > most
    ]
    if over:
        raise BeyondLimitsError(
            Message.joined("; ", over),
            hint="tell your peers, whose nodes will set the excess aside until somebody has looked, then run: "
            "sigfed publish --beyond-limits",
        )


def _is_first(unit: Unit, log: LogRecord, now_ms: int) -> bool:
    """Whether the operator has just asked for all of this list.

    A list that turns up later is counted, and so is one that was empty when it was followed: a thief of the keys
    would announce a new list otherwise. A peer whose sync never succeeds has one day of grace.
    """
    if log.head.size or log.checked_ms:
        return False
    try:
        synced_ms = unit.peers.get(log.node).synced_ms
    except NotFoundError:
        synced_ms = 0
    begun_ms = unit.quarantine.intake_since(log.node, since_ms=0).received_ms
    return not synced_ms and (not begun_ms or now_ms - begun_ms < DAY_MS)


def _beyond(kind: str, positions: Places, allowed: int, what: str) -> list[Record]:
    allowed = max(allowed, 0)
    if len(positions) <= allowed:
        return []
    return [(kind, positions[allowed], positions[-1], f"more {what} in a day than agreed")]
