"""Records of data keys, and of columns that are sealed: what changes when a storage or a data key is replaced."""

from dataclasses import dataclass, field


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


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values, and the columns that name a row."""

    table: str
    keys: tuple[str, ...]
    column: str


Key = tuple[str | int | bytes, ...]
"""The values that name a row, in the order of `SealedColumn.keys`."""
