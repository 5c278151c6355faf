"""What the guards set aside: events of a peer or rows of an import that a person has to look at first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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


class QuarantineTable(Protocol):
    """Records of the guards."""

    def add(self, records: Sequence[Quarantined]) -> None:
        """Set aside."""
        ...

    def ls(self, log_id: int | None = None) -> Sequence[Quarantined]:
        """What is set aside and not released, oldest first."""
        ...

    def get(self, record_id: int) -> Quarantined:
        """One record, released or not; raises `NotFoundError`."""
        ...

    def newest(self, log_id: int, kind: str, first: int) -> Quarantined | None:
        """The last record of a kind about a position, released or not; None when there is none."""
        ...

    def release(self, record_id: int, *, now_ms: int) -> None:
        """An operator looked at it; raises `NotFoundError`."""
        ...

    def note_intake(self, log_id: int, intake: Intake) -> None:
        """Record what a pull brought, or a publication gave out."""
        ...

    def intake_since(self, node: str, *, since_ms: int) -> Intake:
        """What all lists of a node brought from `since_ms` on, together; `received_ms` is the first time, or 0."""
        ...
