"""The screen: which hashes a partner must ask about, told without telling the list.

Unkeyed on purpose: every node's screen is a prefix of the same hash, so partners of several nodes together learn
no more than from the widest screen among them. Its width is the leak budget: somebody who already holds a digest
learns from a screen hit that it is listed at odds of at most 2^(bits + 1) to 1, and nothing about any other.
What is effective is decided by the quorum, which of it is screened by `protocol.selection`; that a hit is a hit, by the
answers. Spec: docs/spec/subset.md, section "Screen".
"""

from collections.abc import Collection, Iterable
from enum import IntEnum
from hashlib import blake2b
from typing import Final

import numpy as np

from protocol.digest import Digest
from protocol.subset.rice import U64Array

_PERSON: Final = b"SIGFED1-scr"


class ScreenRule(IntEnum):
    """By which rule a release chose what it screens."""

    STRONGEST = 1
    """Of each row its strongest digest, and every PDQ: the rule of a release whose filter names none."""
    WEAKEST = 2
    """Every MD5; another exact digest unless a weaker one leads to it: `protocol.selection`."""


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


def screen_width(count: int, screen_bits: int) -> int:
    """Bits of a screen value at a snapshot: `ceil(log2 max(count, 1)) + screen_bits`; 0 bits mean no screen."""
    return ceil_log2(count) + screen_bits if screen_bits else 0


def kept_screen_width(held: int, *, count: int, screen_bits: int) -> int:
    """The width of the next release: `held` while it fits, so that a delta is possible.

    Never wider than a snapshot's, which would pass the leak budget; at most one bit narrower, which doubles the
    files that survive by chance.
    """
    wanted = screen_width(count, screen_bits)
    return held if held == wanted - 1 and held > 0 else wanted


def ceil_log2(count: int) -> int:
    """`ceil(log2 max(count, 1))`."""
    return (max(count, 1) - 1).bit_length()


def build_screen(digests: Collection[Digest], width: int) -> U64Array:
    """The screen of `digests`: their values cut to `width` bits, sorted, each once."""
    return np.unique(truncate(screen_values(digests), width))


def _hash(digest: Digest) -> bytes:
    return blake2b(bytes([digest.algorithm]) + digest.value, digest_size=8, person=_PERSON).digest()
