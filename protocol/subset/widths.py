"""How many bits the values of a release have; apart, since whoever reads a manifest needs no arrays.

Spec: docs/spec/subset.md, sections "Screen" and "Answers".
"""

from typing import Final

MAX_WIDTH: Final = 63
"""Bits of the widest value: 31 for the most values there can be, 32 for one false positive in 2^32."""
FALSE_POSITIVE_BITS: Final = 32
"""A digest that is not on the list meets an answer by chance once in at least 2^32."""


def ceil_log2(count: int) -> int:
    """`ceil(log2 max(count, 1))`."""
    return (max(count, 1) - 1).bit_length()


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


def answer_width(count: int) -> int:
    """Bits of an answer at a snapshot: `ceil(log2 max(count, 1)) + 32`."""
    return ceil_log2(count) + FALSE_POSITIVE_BITS


def kept_answer_width(held: int, *, count: int) -> int:
    """The width of the next release: `held` while it is at most one bit wider than needed, never narrower."""
    wanted = answer_width(count)
    return held if held == wanted + 1 else wanted
