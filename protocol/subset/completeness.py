"""For which hashes of a file a screen can answer: what it cannot answer for is evaluated, or unknown, and never clean.

A screen knows a file by one of its hashes. Whoever has another one alone learns nothing from a miss. Spec:
docs/spec/subset.md, section "Look-up".
"""

from collections.abc import Iterable
from typing import Final

from protocol.digest import Algorithm
from protocol.subset.filter import EXACT, ScreenRule, SubsetFilter

_WEAKEST_FIRST: Final = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)


def is_asked(subset_filter: SubsetFilter | None, algorithms: Iterable[Algorithm]) -> bool:
    """Whether a subset takes in hashes of any of these kinds: a look-up by others asks it nothing.

    None is the filter of a release that came without one: what it takes in is not known.
    """
    return subset_filter is None or not subset_filter.algorithms.isdisjoint(algorithms)


def is_complete(subset_filter: SubsetFilter | None, algorithms: Iterable[Algorithm]) -> bool:
    """Whether the screen of a release answers for a file of which hashes of these kinds are looked up.

    If not, what is screened of the file may be a hash that was not given. Perceptual values answer for themselves:
    all of them are screened. So do kinds that the subset does not take in: they meet no answer either.
    """
    asked = frozenset(algorithms)
    if subset_filter is None or subset_filter.screen_rule is ScreenRule.STRONGEST:
        exact = asked - {Algorithm.PDQ}
        return not exact or exact == EXACT
    order = [algorithm for algorithm in _WEAKEST_FIRST if algorithm in subset_filter.algorithms]
    exact = asked & frozenset(order)
    return exact == frozenset(order[: len(exact)])
