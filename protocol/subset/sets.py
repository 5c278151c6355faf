"""Screens and answers as bytes: sorted values of one width, in 1.0085 times their entropy at a million in 2^32.

A screen is a set: every value once. Answers may repeat: two digests can share a truncated tag, and each keeps its
own place because the label at that place is its own. Width and count come from the manifest, never from the file,
and the one code of a sequence follows from them. Spec: docs/spec/subset.md, section "Set coding".
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocol import limits
from protocol.encoding import Octets
from protocol.errors import TooLargeError
from protocol.subset.rice import U64Array, decode_blocks, encode_sorted
from protocol.subset.widths import MAX_WIDTH


def encode_set(values: U64Array, width: int) -> bytes:
    """The code of strictly increasing `values`, each below `2^width`."""
    assert is_set(values)
    return encode_multiset(values, width)


def encode_multiset(values: U64Array, width: int) -> bytes:
    """The code of `values` that do not decrease, each below `2^width`."""
    return encode_sorted(values, bound_of(width))


def decode_multiset(data: Octets, *, width: int, count: int) -> Iterator[U64Array]:
    """The values in order, `count` of `width` bits and some perhaps equal, whose code is `data`, block by block.

    Raises `MalformedError` for anything else, `TooLargeError` for more values than a release may have. That a
    screen has no value twice is checked with its root.
    """
    if count > limits.MAX_SET_VALUES:
        raise TooLargeError("set coding: at most {most} values", limits.MAX_SET_VALUES)
    return decode_blocks(data, count=count, bound=bound_of(width))


def bound_of(width: int) -> int:
    """`2^width`: what every value of that width is below."""
    assert 1 <= width <= MAX_WIDTH
    return 1 << width


def is_set(values: U64Array) -> bool:
    """Whether each value is greater than the one before."""
    return bool(np.all(values[1:] > values[:-1]))


def contains(values: U64Array, wanted: U64Array) -> NDArray[np.bool_]:
    """Which of `wanted` are among the sorted `values`."""
    if len(values) == 0:
        return np.zeros(len(wanted), dtype=np.bool_)
    places = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.equal(values[places], wanted)
