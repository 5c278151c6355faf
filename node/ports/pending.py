"""Records and table of changes that wait for publication, kept as sealed objects in the order of their positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A sealed object with `count` items for the positions from `first` on."""

    first: int
    count: int
    object: str
    """Name in the object store."""


class BatchTable(Protocol):
    """Batches of one kind by log: pending changes, or local case data."""

    def add(self, log_id: int, batches: Sequence[Batch]) -> None:
        """Record batches whose objects are durable."""
        ...

    def ls(self, log_id: int, *, first: int, end: int | None = None) -> Sequence[Batch]:
        """Batches with a position from `first` on and before `end`, in order."""
        ...

    def remove(self, log_id: int, *, end: int) -> Sequence[Batch]:
        """Forget the batches that lie wholly before `end`; returns them, for their objects to be deleted."""
        ...
