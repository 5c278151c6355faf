"""The answers: truncated PRF outputs of everything on the list, meaningless without the node's key.

Each effective digest has exactly one answer, at the place of its whole PRF output among all of them. Truncation
can make neighbours equal (once in 2^33 / N releases of N answers); they keep separate places, and label `i` is
the label of answer `i`, so a look-up tries every place of the run and the label's key decides. Spec:
docs/spec/subset.md, section "Answers".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocol.subset.rice import U64Array
from protocol.subset.screen import ceil_log2, truncate

OUTPUT_BYTES: Final = 64
TAG_BYTES: Final = 8
FALSE_POSITIVE_BITS: Final = 32
"""A digest that is not on the list meets an answer by chance once in at least 2^32."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Values in order, and where each came from."""

    values: U64Array
    """The truncated tags, not decreasing."""
    order: NDArray[np.intp]
    """`order[i]` is the index of the output that answer `i` belongs to."""


def tag(output: bytes) -> bytes:
    """The first 8 bytes of a 64-byte PRF output."""
    assert len(output) == OUTPUT_BYTES
    return output[:TAG_BYTES]


def answer_width(count: int) -> int:
    """Bits of an answer at a snapshot: `ceil(log2 max(count, 1)) + 32`."""
    return ceil_log2(count) + FALSE_POSITIVE_BITS


def kept_answer_width(held: int, *, count: int) -> int:
    """The width of the next release: `held` while it is at most one bit wider than needed, never narrower."""
    wanted = answer_width(count)
    return held if held == wanted + 1 else wanted


def build_answers(outputs: Sequence[bytes], width: int) -> Answers:
    """The answers of distinct 64-byte PRF `outputs`, ordered by the whole output and cut to `width` bits."""
    columns = np.frombuffer(b"".join(outputs), dtype=">u8").reshape(-1, OUTPUT_BYTES // 8).astype(np.uint64)
    assert len(columns) == len(outputs)
    order = np.lexsort(columns.T[::-1])  # the last key given is the first to count
    return Answers(truncate(columns[order, 0], width), order)


def equal_range(values: U64Array, value: int) -> range:
    """The places of `value` in sorted `values`."""
    wanted = np.uint64(value)
    first = int(np.searchsorted(values, wanted, side="left"))
    return range(first, int(np.searchsorted(values, wanted, side="right")))
