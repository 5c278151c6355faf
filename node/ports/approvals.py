"""Record of what waits for a second person, and of what was decided.

A request is decided once, by compare-and-swap, and acted on after that: an approved request whose act was cut off says
so (`acted_ms` is None), and is finished by approving it again.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a request."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A request for something that takes two persons."""

    id: int
    kind: str
    """`noun.verb`, a key of `services.access.approving.KINDS`."""
    subject: str
    """What it is about, in words for people; never a digest."""
    payload: bytes = field(repr=False)
    """What the handler of its kind needs: canonical JSON, or sealed where it holds digests or secrets."""
    requested_by: str
    requested_ms: int
    decided_by: str = ""
    decided_ms: int | None = None
    outcome: Outcome = Outcome.OPEN
    reason: str = ""
    """Why it was rejected."""
    acted_ms: int | None = None
    """When what was approved had been done."""
    result: str = ""
    """What was done, in one line for people."""

    @property
    def cut_off(self) -> bool:
        """Whether it was approved and not carried out; approving it again finishes it."""
        return self.outcome is Outcome.APPROVED and self.acted_ms is None
