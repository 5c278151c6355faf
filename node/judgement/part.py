"""The part of the held lists from which some digests are judged, found by the look-up index: no list is folded.

What has to be there: a digest is judged by its own entries and by the blocks that apply to it; which blocks of a list
apply depends on its other blocks, through the cap, and on the entries that overrule those. So there are all blocks, the
entries of blocked digests, and in a list that continues a log the entries that take a block of that log back, whatever
their digest: for those alone all openings are read. Otherwise the headers are, and openings where one of these stands.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from node.judgement.fold import ABOUT_ADDS, without
from node.judgement.premises import HeldList, Premises
from node.lists.changes import digest_of
from node.objects.logfiles import Item, LogFiles
from node.peers.sync.overlays import overlay_items
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.limits import HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.listing import Listing, fold
from protocol.lists.opening import Opening, Reason, readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Lists as far as some digests need them."""

    listings: tuple[Listing, ...]
    """One for each of `Premises.lists`, at its size."""
    digests: frozenset[Digest]
    """What can be judged from it: the digests that were asked for, and those that blocks are about."""


def part_of(store: Store, unit: Unit, premises: Premises, digests: Iterable[Digest]) -> Part:
    """The part that `digests` need, as the transaction sees it that the premises were read in."""
    lists = [_List(store, held) for held in premises.lists]
    judged = {*digests, *_shredded(unit, lists)}
    for each, log in zip(lists, premises.heads, strict=True):
        judged |= each.blocked(overlay_items(store.vault, log, premises.overlays))
    places: dict[int, list[int]] = {}
    for hit in unit.entries.find(store.vault.keys_of(judged).tolist()):
        if hit.collection > 0:
            places.setdefault(hit.log_id, []).append(hit.position)
    return Part(
        listings=tuple(each.fold(places.get(each.held.log_id, ())) for each in lists),
        digests=frozenset(judged),
    )


def _shredded(unit: Unit, lists: Iterable["_List"]) -> Iterator[Digest]:
    """Digests that only a tombstone blocks, where a list still names them."""
    blocking = {each.mac for each in unit.tombstones.ls() if each.blocks}
    if not blocking:
        return
    places: dict[int, list[int]] = {}
    for each in unit.tombstones.still_listed():
        if each.mac in blocking:
            places.setdefault(each.log_id, []).append(each.position)
    for one in lists:
        yield from one.digests_at(places.get(one.held.log_id, ()))


class _List:
    """One held list, read where something has to be known."""

    def __init__(self, store: Store, held: HeldList) -> None:
        self.held = held
        self._files = LogFiles(store.objects, store.vault, held.origin)
        self._places = array("q")
        """Of whatever is no add."""
        self._headers = bytearray()
        """Of the same."""
        for position, event in self._files.others_than(Op.ADD, size=held.size):
            self._places.append(position)
            self._headers += event[:HEADER_BYTES]
        self._ended: set[int] = set()
        """Adds that were withdrawn as errors; `blocked` finds them. They need no row in the look-up index."""

    def blocked(self, overlay: Iterable[Item]) -> set[Digest]:
        """The digests of all blocks, open or not, those of the list's overlay included."""
        found: set[Digest | None] = set()
        places = (position for position, header in self._changes() if header[1] in {Op.WITHDRAW, Op.DISPUTE})
        for _, event, opening in chain(self._items(places), overlay):
            header = Header.from_bytes(event[:HEADER_BYTES])
            if opening is None or not readable(header, opening):
                continue
            if header.op == Op.DISPUTE:
                found.add(digest_of(opening))
            elif Opening.from_bytes(opening).ext.reason == Reason.ERROR:
                self._ended.add(header.ref)
        return {digest for digest in found if digest is not None} | set(self.digests_at(self._ended))

    def digests_at(self, places: Iterable[int]) -> Iterator[Digest]:
        """The digests of the events at these places, as far as they are known."""
        for _, _, opening in self._items(places):
            digest = None if opening is None else digest_of(opening)
            if digest is not None:
                yield digest

    def fold(self, adds: Iterable[int]) -> Listing:
        """What the list says by these adds, those that it blocks, all that is about them, and all its disputes."""
        kept = {*adds, *self._ended, *self._taking_back()}
        places = kept | {
            position
            for position, header in self._changes()
            if header[1] not in ABOUT_ADDS or Header.from_bytes(header).ref in kept
        }
        return replace(fold(self.held.origin, self._items(places)), size=self.held.size)

    def _taking_back(self) -> Iterator[int]:
        """Adds that may take back a block of the log that this one continues: they are looked for in all openings."""
        first = [position for position, header in islice(self._changes(), 1) if header[1] == Op.CONTINUE]
        continues = fold(self.held.origin, self._items(first)).continues
        if continues is None:
            return
        named = continues.origin.encode()
        for position, event, opening in self._files.items(first=0, size=self.held.size):
            if opening is not None and named in opening:
                header = Header.from_bytes(event[:HEADER_BYTES])
                yield position if header.op == Op.ADD else header.ref

    def _changes(self) -> Iterator[tuple[int, bytes]]:
        """Position and header of whatever is no add."""
        for number, position in enumerate(self._places):
            start = number * HEADER_BYTES
            yield position, bytes(self._headers[start : start + HEADER_BYTES])

    def _items(self, places: Iterable[int]) -> Iterable[Item]:
        held = self.held
        below = sorted(place for place in set(places) if place < held.size)
        return without(self._files.items_at(below, size=held.size), held.set_aside)
