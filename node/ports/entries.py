"""The look-up index: which positions of which logs list a digest, under keys that tell nothing without the vault.

A key is the first eight bytes of HMAC-SHA-256(index key, algorithm ‖ digest) as a signed integer. Two digests may
share one (about 3e-8 in a million); whoever acts on a hit compares the digest in the opening.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Positions = NDArray[np.int64]
Collections = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class IndexHit:
    """One add or dispute whose digest has the key."""

    key: int
    log_id: int
    position: int
    collection: int
    """Negated for a dispute, which lists nothing: an entry and an objection must never be taken for each other."""
    ended: int | None
    """Position of the withdraw or resolve that ended it."""


class EntryIndex(Protocol):
    """The index of all logs."""

    def add(self, log_id: int, *, keys: Keys, positions: Positions, collections: Collections) -> None:
        """Insert one row for each digest; arrays of one length, in any order; a dispute's collection is negated."""
        ...

    def find(self, keys: Sequence[int], *, log_id: int | None = None) -> Sequence[IndexHit]:
        """Every row with one of the keys, in one log or in all."""
        ...

    def end(self, log_id: int, ended: Mapping[tuple[int, int], int]) -> None:
        """Mark rows by (key, position) as ended by a position."""
        ...

    def remove(self, log_id: int, rows: Sequence[tuple[int, int]]) -> None:
        """Delete rows by (key, position)."""
        ...

    def count(self, log_id: int) -> Mapping[int, int]:
        """Active entries by collection."""
        ...

    def counts(self) -> Mapping[int, Mapping[int, int]]:
        """Active entries by collection, of every log that has some."""
        ...
