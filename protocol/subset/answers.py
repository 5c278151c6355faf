"""The answers: truncated PRF outputs of everything on the list, meaningless without the node's key.

Each effective digest has exactly one answer, at the place of its whole PRF output among all of them. Truncation
can make neighbours equal (once in 2^33 / N releases of N answers); they keep separate places, and label `i` is
the label of answer `i`, so a look-up tries every place of the run and the label's key decides. Spec:
docs/spec/subset.md, section "Answers".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol.subset.label import OUTPUT_BYTES
from protocol.subset.rice import U64Array
from protocol.subset.screen import truncate


@dataclass(frozen=True, slots=True)
class Answers:
    """Values in order, and where each came from."""

    values: U64Array
    """The truncated tags, not decreasing."""
    order: NDArray[np.intp]
    """`order[i]` is the index of the output that answer `i` belongs to."""


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
