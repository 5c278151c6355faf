"""What the guards set aside: events of a peer or rows of an import that a person has to look at first."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """Events `first` … `last` of one kind in a log, or one refused import row (`first` is then its line)."""

    id: int = 0
    log_id: int
    kind: str
    """`add`, `withdraw`, `dispute` or `row`; `log` for a whole log that stands still; `flood` for an entry that is
    listed, and that partners report suspiciously often."""
    first: int
    last: int
    reason: str
    """For people; never holds a digest."""
    created_ms: int
    released_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a pull brought or a publication gave out, for the guards that count by the day."""

    received_ms: int
    adds: int
    withdrawals: int
    disputes: int = 0
