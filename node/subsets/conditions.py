"""What a release follows from beside what events say: the conditions of its judgement, and what its node keeps out."""

from functools import cache
from importlib.metadata import version
from typing import Final

from node.judgement import conditions as judged
from node.judgement.conditions import Conditions
from node.judgement.premises import Premises
from node.store.store import Store
from node.store.unit import Unit
from node.subsets.grounds import Order, tripwires_of

_RULE: Final = 1
"""Of judging, choosing and screening: whoever changes what these give counts on, and the next release is made whole, as
it is by another version of the program."""


def conditions(store: Store, unit: Unit, premises: Premises, order: Order) -> Conditions | None:
    """The conditions of a release that is judged by these premises; None where it may follow from other things, too."""
    subset = order.subset
    if subset.filter.holdings:
        return None
    rule = (_RULE, _program(), subset.name, subset.epoch, subset.filter.sha256().hex(), order.members.k)
    found = judged.conditions(store, unit, premises, order.members, rule=rule) | {
        "tripwire": [(key,) for key in tripwires_of(unit)],
    }
    return {part: frozenset(rows) for part, rows in found.items()}


@cache
def _program() -> str:
    """The version of what runs, read from disk once."""
    return version("sigfed")
