"""Records of changes that wait for publication, kept as sealed objects in the order of their positions."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A sealed object with `count` items for the positions from `first` on."""

    first: int
    count: int
    object: str
    """Name in the object store."""
