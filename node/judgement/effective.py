"""What is effective now: the held lists folded, each with its freshness, and the quorum over them.

Own lists count as far as they are published. A peer's list is fresh when its head was seen to be the newest within the
age the operator allows, and not later than now; and never while the list stands still because a proof convicted it, or
while its node withholds which keys it took back: then its adds take no new effect, and what was effective stays.
What the guards set aside is left out, additions and withdrawals alike, until it is released.
Withdrawals and disputes of heads that witnesses have not cosigned yet lie upon the lists as overlays.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keys.trust.members import Members
from node.cycles import acyclic
from node.judgement.premises import SET_ASIDE, HeldList, Premises
from node.lists.tombstones import honoured_blocks
from node.lists.tombstones import tombstoned as own_tombstones
from node.objects.logfiles import LogFiles
from node.peers.sync.overlays import overlay_items
from node.store.lists.records import LogRecord, Quarantined
from node.store.store import Store
from protocol.digest import Digest
from protocol.judgement.quorum import Decision, MemberListing, decide
from protocol.lists.listing import Block, Listing, fold, fold_on, overlay
from protocol.lists.opening import EntryRef


@dataclass(frozen=True, slots=True)
class Current:
    """The quorum's decision and what it was made of."""

    decision: Decision
    listings: tuple[MemberListing, ...]
    heads: tuple[LogRecord, ...]
    """The logs at the sizes that were folded, in the order of `listings`."""


def current(
    store: Store,
    members: Members,
    *,
    now: datetime,
    max_age: timedelta,
    previous: frozenset[tuple[int, Digest]] = frozenset(),
    exclusions: frozenset[Digest] = frozenset(),
    tombstoned: Callable[[Digest], bool] | None = None,
    released: frozenset[EntryRef] = frozenset(),
) -> Current:
    """Judge all held lists; see `protocol.judgement.quorum.decide` for the arguments it takes over.

    Tombstoned is, unless said otherwise, what this node shredded; what peers shredded as an error goes on to block.
    """
    with store.read() as unit:
        premises = Premises.of(unit)
    with acyclic():
        listings = [fold_held(store, held) for held in premises.lists]
        return judge_held(
            store,
            replace(premises, released=premises.released | released),
            listings,
            members,
            fresh=premises.fresh(now=now, max_age=max_age),
            previous=previous,
            exclusions=exclusions,
            tombstoned=tombstoned,
        )


def judge_held(
    store: Store,
    premises: Premises,
    listings: Sequence[Listing],
    members: Members,
    *,
    fresh: frozenset[str],
    previous: frozenset[tuple[int, Digest]],
    exclusions: frozenset[Digest] = frozenset(),
    tombstoned: Callable[[Digest], bool] | None = None,
) -> Current:
    """Judge lists that were folded, one for each of `premises.lists`; `fresh` are the origins of the fresh ones."""
    trusted = tuple(
        MemberListing(
            node=log.node,
            listing=listing,
            fresh=log.origin in fresh,
            revoked=premises.revoked.get(log.origin, ()),
        )
        for log, listing in zip(premises.heads, listings, strict=True)
    )
    laid = {log.origin: overlay_items(store.vault, log, premises.overlays) for log in premises.heads}
    trusted = _with_honoured(store, trusted)
    overlaid = tuple(
        replace(held, listing=overlay(held.listing, laid[held.listing.origin]))
        if laid[held.listing.origin]
        else held
        for held in trusted
    )
    decision = decide(
        overlaid,
        members,
        previous=previous,
        exclusions=exclusions,
        tombstoned=tombstoned or own_tombstones(store),
        released=premises.released,
        trusted=trusted if any(laid.values()) else None,
    )
    return Current(decision, overlaid, premises.heads)


def _with_honoured(store: Store, listings: tuple[MemberListing, ...]) -> tuple[MemberListing, ...]:
    """The listings with the blocks whose digest only a tombstone remembers."""
    found = honoured_blocks(store, [held.listing for held in listings])
    return (
        tuple(replace(held, listing=_blocking(held.listing, found)) for held in listings)
        if found
        else listings
    )


def _blocking(listing: Listing, found: Mapping[str, tuple[Block, ...]]) -> Listing:
    known = {block.index for block in listing.blocks}
    more = [block for block in found.get(listing.origin, ()) if block.index not in known]
    blocks = sorted((*listing.blocks, *more), key=lambda block: block.index)
    return replace(listing, blocks=tuple(blocks)) if more else listing


def listing_of(store: Store, log: LogRecord, set_aside: Sequence[Quarantined] = ()) -> Listing:
    """What one held list says at its held size, without what was set aside."""
    runs = [(SET_ASIDE[item.kind], item.first, item.last) for item in set_aside if item.kind in SET_ASIDE]
    return _fold(store, log.origin, log.head.size, runs, None)


def fold_held(store: Store, held: HeldList, since: Listing | None = None) -> Listing:
    """The same; `since` is what the list said before it grew (see `HeldList.grew_from`), and is folded on."""
    return _fold(store, held.origin, held.size, held.set_aside, since)


def _fold(
    store: Store, origin: str, size: int, runs: Sequence[tuple[int, int, int]], since: Listing | None
) -> Listing:
    files = LogFiles(store.objects, store.vault, origin)
    items = files.items(first=0 if since is None else since.size, size=size)
    if runs:
        items = _without(items, _spans(runs))
    listing = fold(origin, items) if since is None else fold_on(since, items)
    return replace(listing, size=size)


_Item = tuple[int, bytes, bytes | None]
_Spans = Mapping[int, tuple[Sequence[int], Sequence[int]]]
"""By op, first and last positions of disjoint runs, ascending."""


def _spans(runs: Sequence[tuple[int, int, int]]) -> _Spans:
    found: dict[int, tuple[list[int], list[int]]] = {}
    for op, first, last in sorted(runs):
        firsts, lasts = found.setdefault(op, ([], []))
        if lasts and first <= lasts[-1]:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return found


def _without(items: Iterator[_Item], spans: _Spans) -> Iterator[_Item]:
    for item in items:
        of_op = spans.get(item[1][1])
        if of_op is not None:
            at = bisect_right(of_op[0], item[0]) - 1
            if at >= 0 and item[0] <= of_op[1][at]:
                continue
        yield item
