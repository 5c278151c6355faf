"""The part of the held lists from which some digests are judged, found by the indexes: no list is gone through.

What has to be there: a digest is judged by its own entries and by the blocks that apply to it; which blocks of a list
apply depends on its other blocks, through the cap, and on the entries that overrule those. So there are all blocks, the
entries of blocked digests, and in a list that continues a log the entries that take a block of that log back, whatever
their digest.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from node.errors import ConflictError
from node.judgement.fold import covers, spans_of, without
from node.judgement.premises import HeldList, Premises
from node.lists.changes import digest_of
from node.objects.logfiles import Item, LogFiles
from node.peers.sync.kept_overlays import overlay_items
from node.store.lists.records import Reach, Touch
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.limits import HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.ext import Reason
from protocol.lists.listing import Listing, fold
from protocol.lists.opening import Opening, readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Lists as far as some digests need them."""

    listings: tuple[Listing, ...]
    """One for each of `Premises.lists`, at its size."""
    digests: frozenset[Digest]
    """What can be judged from it: the digests that were asked for, and those that blocks are about."""


def part_of(store: Store, unit: Unit, premises: Premises, digests: Iterable[Digest]) -> Part:
    """The part that `digests` need, as the transaction sees it that the premises were read in.

    Raises `ConflictError` for a list that `catch_up` has not read to its end.
    """
    require_noted(premises)
    lists = [_List(store, unit, held) for held in premises.lists]
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


def require_noted(premises: Premises) -> None:
    """Raise `ConflictError` for a list that `catch_up` has not read to its end."""
    for log in premises.heads:
        if log.touched < log.head.size:
            raise ConflictError("{origin} is being read anew", log.origin, hint="run the command again")


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

    def __init__(self, store: Store, unit: Unit, held: HeldList) -> None:
        self.held = held
        self._files = LogFiles(store.objects, store.vault, held.origin)
        self._touches = unit.touches
        self._aside = spans_of(held.set_aside)
        self._read: dict[int, Item] = {}
        self._blocks = self._reaching(Reach.ALL)
        """Adds that were withdrawn as errors, and disputes. They need no row in the look-up index."""

    def blocked(self, overlay: Iterable[Item]) -> set[Digest]:
        """The digests of all blocks, open or not, those of the list's overlay included."""
        found: set[Digest | None] = set()
        for _, event, opening in overlay:
            header = Header.from_bytes(event[:HEADER_BYTES])
            if opening is None or not readable(header, opening):
                continue
            if header.op == Op.DISPUTE:
                found.add(digest_of(opening))
            elif Opening.from_bytes(opening).ext.reason == Reason.ERROR:
                self._blocks.add(header.ref)
        return {digest for digest in found if digest is not None} | set(self.digests_at(self._blocks))

    def digests_at(self, places: Iterable[int]) -> Iterator[Digest]:
        """The digests of the events at these places, as far as they are known."""
        for _, _, opening in self._items(places):
            digest = None if opening is None else digest_of(opening)
            if digest is not None:
                yield digest

    def fold(self, adds: Iterable[int]) -> Listing:
        """What the list says by these adds, those that it blocks, and its disputes, with all that is about them."""
        kept = {*adds, *self._blocks, *self._taking_back()}
        about = {touch.position for touch in self._counting(self._touches.about(self.held.log_id, kept))}
        return replace(fold(self.held.origin, self._items(kept | about)), size=self.held.size)

    def _taking_back(self) -> set[int]:
        """Adds that may take back a block of the log that this one continues."""
        continues = fold(self.held.origin, self._items(self._blocks & {0})).continues
        return set() if continues is None else self._reaching(Reach.CONTINUED)

    def _reaching(self, reach: Reach) -> set[int]:
        return {touch.ref for touch in self._counting(self._touches.reaching(self.held.log_id, reach))}

    def _counting(self, touches: Iterable[Touch]) -> Iterator[Touch]:
        """Of events that are not set aside: whoever steals a peer's key withdraws all of its list as errors."""
        return (touch for touch in touches if not covers(self._aside, touch.op, touch.position))

    def _items(self, places: Iterable[int]) -> Iterable[Item]:
        """What counts of the events at these places, in order; each is read once, for a block is asked for twice."""
        held = self.held
        below = sorted(place for place in set(places) if place < held.size)
        new = (place for place in below if place not in self._read)
        self._read.update((item[0], item) for item in self._files.items_at(new, size=held.size))
        return without((self._read[place] for place in below), held.set_aside)
