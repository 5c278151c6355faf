"""The look-up index: which positions of which logs list a digest, under keys that tell nothing without the vault.

A key is the first eight bytes of HMAC-SHA-256(index key, algorithm ‖ digest) as a signed integer. Two digests may
share one (about 3e-8 in a million); whoever acts on a hit compares the digest in the opening.
"""

from dataclasses import dataclass

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
