"""What a release has to judge again since the one before.

What lies between the conditions of both (`node.subsets.conditions`) leads to digests (`node.judgement.conditions`). A
list that is fresh again brings in what waited for it; and on what became listed while it was not, it is heard from the
next release on. Nothing that is listed leaves with the freshness of a list, but what is blocked may: who overrules that
has to be fresh.
"""

from typing import NamedTuple

from node.judgement.conditions import Conditions, between, most_again, reach
from node.judgement.premises import Premises
from node.lists.touches import catch_up
from node.store.store import Store
from node.subsets.basis import Basis
from node.subsets.conditions import conditions
from node.subsets.grounds import Order, stale
from protocol.digest import Digest


class Affected(NamedTuple):
    """What is to be judged again, and by what that was found."""

    digests: frozenset[Digest]
    premises: Premises
    conditions: Conditions
    stale: frozenset[str]
    """Of `node.subsets.grounds`, by the premises."""


def affected(store: Store, order: Order, basis: Basis) -> Affected | None:
    """What is to be judged again since a release left this basis; None where everything is."""
    catch_up(store)
    with store.read() as unit:
        premises = Premises.of(unit)
        now, now_stale = conditions(store, unit, premises, order), stale(premises, order)
        touched = None if now is None else between(basis.conditions, now)
        if now is None or touched is None:
            return None
        again = (basis.unheard, basis.waiting) if basis.stale - now_stale else (basis.unheard,)
        most = most_again(basis.conditions)
        if sum(map(len, again)) > most:
            return None
        touched.keys.update(key for names in again for key in names[:, 0].tolist())
        touched.blocks |= bool(now_stale or basis.stale)
        found = reach(store, unit, premises, touched, most)
        return None if found is None else Affected(found.digests, premises, now, now_stale)
