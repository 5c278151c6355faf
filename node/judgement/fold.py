"""What one held list says, without what the guards set aside."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from struct import Struct
from typing import Final

import numpy as np

from node.judgement.premises import SET_ASIDE, HeldList
from node.lists.changes import content_id_of
from node.objects.logfiles import Item, LogFiles
from node.store.lists.records import FileRun, LogRecord, Quarantined
from node.store.spool import Parts, Spool
from node.store.store import Store
from protocol.limits import EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.listing import Listing, fold

ABOUT_ADDS: Final = frozenset({Op.WITHDRAW, Op.AMEND})
"""What is about an add, and is nothing without it."""
_EVENTS: Final = 2**15
"""That are folded at once; on average."""
_ROW: Final = Struct(">QH")
"""Position, and length of the opening; the event and the opening follow."""
_NOWHERE: Final = 0xFFFF
"""The part of what has no file; there are fewer."""
_KEY_BYTES: Final = 16


def listings_of(
    store: Store, log: LogRecord, set_aside: Sequence[Quarantined] = (), crowds: Sequence[FileRun] = ()
) -> Iterator[Listing]:
    """The entries of one held list at its held size: those of one file in one listing.

    Without what was set aside, and without `crowds`, adds of which too many have one content id. Some thirty thousand
    events are folded at a time, so that no long list is in memory; the others wait on disk.
    """
    runs = [(SET_ASIDE[item.kind], item.first, item.last) for item in set_aside if item.kind in SET_ASIDE]
    runs += [(Op.ADD, run.first, run.last) for run in crowds]
    with Spool(store.vault.entropy) as spool:
        parts = Parts(spool, min(_NOWHERE, 1 + log.head.size // _EVENTS))
        _put_by_file(store, log, runs, parts)
        for at in range(parts.count):
            yield fold(log.origin, _items_in(b"".join(parts.take(at))))


def _put_by_file(store: Store, log: LogRecord, runs: Sequence[tuple[int, int, int]], parts: Parts) -> None:
    """Each add where the others of its file are, and what is about it."""
    # Whoever chose content ids that meet in one part would fill the memory: he does not know which do.
    key = store.vault.entropy(_KEY_BYTES)
    places = np.full(log.head.size, _NOWHERE, dtype=np.uint16)
    for position, event, opening in _items(store, log.origin, log.head.size, runs):
        if event[1] == Op.ADD and opening:
            file = content_id_of(opening) or position.to_bytes(8)
            mixed = int.from_bytes(blake2b(file, key=key, digest_size=4).digest())
            places[position] = mixed * parts.count >> 32
        elif event[1] in ABOUT_ADDS and (header := Header.from_bytes(event[:HEADER_BYTES])).known:
            places[position] = places[header.ref]
        if (at := int(places[position])) != _NOWHERE:
            said = opening or b""
            parts.put(at, _ROW.pack(position, len(said)) + event + said)


def _items_in(rows: bytes) -> Iterator[Item]:
    start = 0
    while start < len(rows):
        position, length = _ROW.unpack_from(rows, start)
        middle = start + _ROW.size + EVENT_BYTES
        yield position, rows[start + _ROW.size : middle], rows[middle : middle + length] or None
        start = middle + length


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
