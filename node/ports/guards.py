"""Records and table of what the guards compare with: known-benign sets, tripwires, and rows that a person let pass.

No digest is in the clear: sets and rows are look-up keys, and a tripwire's digest is sealed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from node.ports.entries import Keys
from node.ports.quarantine import Quarantined


@dataclass(frozen=True, slots=True, kw_only=True)
class BenignSet:
    """A set of hashes of files that are known to be lawful."""

    name: str
    file: str
    """Name of its filter."""
    hashes: int
    """Distinct ones."""
    rows: int
    refused: int
    """Rows of the source that could not be read."""
    added_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripwire:
    """A digest that must never be released."""

    id: int = 0
    key: int
    """Look-up key of the digest."""
    sealed: bytes = field(repr=False)
    """Algorithm and digest."""
    note: str
    """For people: what it is of."""
    added_ms: int


class GuardTable(Protocol):
    """What the guards of this node compare with."""

    def add_benign(self, record: BenignSet) -> None:
        """Record a set whose filter is durable; raises `AlreadyExistsError` for its name."""
        ...

    def benign(self) -> Sequence[BenignSet]:
        """All sets, by name."""
        ...

    def remove_benign(self, name: str) -> BenignSet:
        """Forget a set; raises `NotFoundError`."""
        ...

    def add_tripwires(self, records: Sequence[Tripwire]) -> int:
        """Add those whose key is not there yet; returns their number."""
        ...

    def tripwires(self) -> Sequence[Tripwire]:
        """All tripwires, oldest first."""
        ...

    def remove_tripwire(self, number: int) -> None:
        """Forget one; raises `NotFoundError`."""
        ...

    def set_aside(self, record: Quarantined, keys: Collection[int]) -> None:
        """Set an imported row aside, with the look-up keys of its digests."""
        ...

    def let_pass(self, log_id: int) -> frozenset[int]:
        """Keys of rows that were set aside in this list and released by a person, and are not listed yet."""
        ...

    def spend(self, log_id: int, keys: Keys) -> None:
        """Rows with these keys are listed now: what a person let pass, passes once."""
        ...
