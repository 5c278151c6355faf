"""What one held list says, without what the guards set aside."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from node.judgement.premises import SET_ASIDE, HeldList
from node.objects.logfiles import Item, LogFiles
from node.store.lists.records import LogRecord, Quarantined
from node.store.store import Store
from protocol.lists.event import Op
from protocol.lists.listing import Listing, fold

ABOUT_ADDS: Final = frozenset({Op.WITHDRAW, Op.AMEND})
"""What is about an add, and is nothing without it."""


def listing_of(store: Store, log: LogRecord, set_aside: Sequence[Quarantined] = ()) -> Listing:
    """What one held list says at its held size, without what was set aside."""
    runs = [(SET_ASIDE[item.kind], item.first, item.last) for item in set_aside if item.kind in SET_ASIDE]
    items = _items(store, log.origin, log.head.size, runs)
    return replace(fold(log.origin, items), size=log.head.size)


def items_of(store: Store, held: HeldList) -> Iterable[Item]:
    """The events of a held list, in order."""
    return _items(store, held.origin, held.size, held.set_aside)


def _items(store: Store, origin: str, size: int, runs: Sequence[tuple[int, int, int]]) -> Iterable[Item]:
    return without(LogFiles(store.objects, store.vault, origin).items(first=0, size=size), runs)


def without(items: Iterable[Item], runs: Sequence[tuple[int, int, int]]) -> Iterable[Item]:
    """The items that do not lie in the runs: op, first and last position of events that do not count."""
    spans = spans_of(runs)
    return (item for item in items if not covers(spans, item[1][1], item[0])) if runs else items


Spans = Mapping[int, tuple[Sequence[int], Sequence[int]]]
"""By op, first and last positions of disjoint runs, ascending."""


def spans_of(runs: Sequence[tuple[int, int, int]]) -> Spans:
    """The runs by their op, joined where they overlap."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    for op, first, last in sorted(runs):
        firsts, lasts = found.setdefault(op, ([], []))
        if lasts and first <= lasts[-1]:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return found


def covers(spans: Spans, op: int, position: int) -> bool:
    """Whether the event lies in a run of its op."""
    of_op = spans.get(op)
    if of_op is None:
        return False
    at = bisect_right(of_op[0], position) - 1
    return at >= 0 and position <= of_op[1][at]
