"""Table of audit records that are not in the signed log yet: written with the act they tell of, placed, removed."""

from collections.abc import Sequence
from typing import Protocol


class AuditQueue(Protocol):
    """Records in the order of their arrival; one that was placed belongs to the log's pending head."""

    def add(self, record: bytes) -> None:
        """Queue an encoded record."""
        ...

    def place(self, first: int, *, most: int) -> Sequence[bytes]:
        """Give the oldest records that have no place yet the positions from `first` on, and return them."""
        ...

    def placed(self, first: int, end: int) -> Sequence[bytes]:
        """The records at the positions from `first` up to `end`, in order."""
        ...

    def remove(self, end: int) -> None:
        """Forget the records at positions below `end`: they are in the log."""
        ...

    def count(self) -> int:
        """How many records wait to be signed."""
        ...
