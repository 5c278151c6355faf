"""The answers: truncated PRF outputs of everything on the list, meaningless without the node's key.

Each effective digest has exactly one answer, at the place of its whole PRF output among all of them. Truncation
can make neighbours equal (once in 2^33 / N releases of N answers); they keep separate places, and label `i` is
the label of answer `i`, so a look-up tries every place of the run and the label's key decides. Spec:
docs/spec/subset.md, section "Answers".
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from protocol.subset.rice import U64Array


def order_answers(tags: U64Array, whole: Callable[[list[int]], Sequence[bytes]]) -> NDArray[np.intp]:
    """The order of distinct 64-byte PRF outputs, of which answer `i` belongs to the one at place `order[i]`.

    Given are their first eight bytes; `whole` gives those at some places whole, and is asked where that is not enough.
    """
    order = np.argsort(tags, kind="stable")
    ordered = tags[order]
    twins = ordered[1:] == ordered[:-1]
    tied = np.flatnonzero(np.append(twins, False) | np.insert(twins, 0, False))
    if len(tied):
        places = order[tied].tolist()
        order[tied] = [place for _, place in sorted(zip(whole(places), places, strict=True))]
    return order


def equal_range(values: U64Array, value: int) -> range:
    """The places of `value` in sorted `values`."""
    wanted = np.uint64(value)
    first = int(np.searchsorted(values, wanted, side="left"))
    return range(first, int(np.searchsorted(values, wanted, side="right")))
