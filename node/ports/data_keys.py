"""Records of data keys, and of columns that are sealed: what changes when a storage or a data key is replaced."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyRecord:
    """One data key, wrapped."""

    name: str
    """`index`, `tombstone`, or `seal-N`."""
    wrapped: bytes = field(repr=False)
    storage_key: str
    """Label of the storage key that wraps it."""
    made_ms: int
    """0: not known."""


class DataKeyTable(Protocol):
    """The data keys of a store."""

    def ls(self) -> Sequence[DataKeyRecord]:
        """All, by name."""
        ...

    def put(self, record: DataKeyRecord) -> None:
        """Add a key, or replace the one of its name."""
        ...

    def drop(self, name: str) -> None:
        """Remove a key that nothing is sealed with any more."""
        ...


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values, and the columns that name a row."""

    table: str
    keys: tuple[str, ...]
    column: str


Key = tuple[str | int | bytes, ...]
"""The values that name a row, in the order of `SealedColumn.keys`."""


class SealedCells(Protocol):
    """Sealed values, whatever table they are in."""

    def older(self, column: SealedColumn, newest: bytes, limit: int) -> Sequence[tuple[Key, bytes]]:
        """Up to `limit` values that do not begin with `newest`, with the names of their rows."""
        ...

    def exchange(self, column: SealedColumn, key: Key, old: bytes, new: bytes) -> None:
        """Replace a value, if it is still `old`."""
        ...
