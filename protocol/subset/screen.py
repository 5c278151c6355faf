"""The screen: which hashes a partner must ask about, told without telling the list.

Unkeyed on purpose: every node's screen is a prefix of the same hash, so partners of several nodes together learn
no more than from the widest screen among them. Its width is the leak budget: somebody who already holds a digest
learns from a screen hit that it is listed at odds of at most 2^(bits + 1) to 1, and nothing about any other.
What is effective is decided by the quorum, which of it is screened by `protocol.selection`; that a hit is a hit, by the
answers. Spec: docs/spec/subset.md, section "Screen".
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import numpy as np

from protocol.digest import Digest
from protocol.subset.rice import U64Array

_PERSON: Final = b"SIGFED1-scr"


def screen_value(digest: Digest) -> int:
    """The full 64-bit screen hash: BLAKE2b, 8 bytes, person `SIGFED1-scr` zero-padded, over `alg u8 ‖ digest`."""
    return int.from_bytes(_hash(digest), "big")


def screen_values(digests: Iterable[Digest]) -> U64Array:
    """The full 64-bit screen hashes, in the order given."""
    data = b"".join(map(_hash, digests))
    return np.frombuffer(data, dtype=">u8").astype(np.uint64)


def truncate(values: U64Array, width: int) -> U64Array:
    """The top `width` bits (1 to 64) of full 64-bit values."""
    assert 1 <= width <= 64
    return values >> np.uint64(64 - width)


def _hash(digest: Digest) -> bytes:
    return blake2b(bytes([digest.algorithm]) + digest.value, digest_size=8, person=_PERSON).digest()
