"""What is effective now: the held lists folded, each with its freshness, and the quorum over them.

Own lists count as far as they are published. A peer's list is fresh when its head was seen to be the newest within the
age the operator allows, and not later than now; and never while the list stands still because a proof convicted it, or
while its node withholds which keys it took back: then its adds take no new effect, and what was effective stays.
What the guards set aside is left out, additions and withdrawals alike, until it is released.
Withdrawals and disputes of heads that witnesses have not cosigned yet lie upon the lists as overlays.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keys.trust.members import Members
from node.clock import milliseconds
from node.ports.logs import LogKind, LogRecord
from node.ports.quarantine import Quarantined
from node.services.evidence.accusing import FORKED
from node.services.lists.tombstones import honoured_blocks
from node.services.lists.tombstones import tombstoned as own_tombstones
from node.services.peers.overlaying import overlay_items
from node.services.storage.bulk import acyclic
from node.services.storage.logfiles import LogFiles
from node.services.storage.shelf import Shelf
from node.services.trust.honouring import doubted, withheld
from protocol.digest import Digest
from protocol.event import Op
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.listing import Block, Listing, fold, overlay
from protocol.opening import EntryRef
from protocol.quorum import Decision, MemberListing, decide

_KINDS = {"add": Op.ADD, "withdraw": Op.WITHDRAW, "dispute": Op.DISPUTE}


@dataclass(frozen=True, slots=True)
class Current:
    """The quorum's decision and what it was made of."""

    decision: Decision
    listings: tuple[MemberListing, ...]
    heads: tuple[LogRecord, ...]
    """The logs at the sizes that were folded, in the order of `listings`."""


def current(
    shelf: Shelf,
    members: Members,
    *,
    now: datetime,
    max_age: timedelta,
    previous: frozenset[tuple[int, Digest]] = frozenset(),
    exclusions: frozenset[Digest] = frozenset(),
    tombstoned: Callable[[Digest], bool] | None = None,
    released: frozenset[EntryRef] = frozenset(),
) -> Current:
    """Judge all held lists; see `protocol.quorum.decide` for the arguments it takes over.

    Tombstoned is, unless said otherwise, what this node shredded; what peers shredded as an error goes on to block.
    """
    oldest_ms, newest_ms = milliseconds(now - max_age), milliseconds(now) + MAX_CLOCK_SKEW_MS
    with shelf.storage.read() as unit:
        heads = [log for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST) if log.note is not None]
        set_aside = unit.quarantine.ls()
        overlays = unit.overlays.ls()
        released |= unit.evidence.released_blocks()
        revoked, silent = doubted(unit), withheld(unit)
    forked = {item.log_id for item in set_aside if item.kind == FORKED}
    with acyclic():
        trusted = tuple(
            MemberListing(
                node=log.node,
                listing=listing_of(shelf, log, [item for item in set_aside if item.log_id == log.id]),
                # A clock that was ahead for an hour must not keep a list fresh for a year.
                fresh=log.kind is LogKind.OWN_LIST
                or (
                    oldest_ms <= log.checked_ms <= newest_ms
                    and log.id not in forked
                    and log.node not in silent
                ),
                revoked=revoked.get(log.origin, ()),
            )
            for log in heads
        )
        laid = {log.origin: overlay_items(shelf.vault, log, overlays) for log in heads}
        trusted = _with_honoured(shelf, trusted)
        listings = tuple(
            replace(held, listing=overlay(held.listing, laid[held.listing.origin]))
            if laid[held.listing.origin]
            else held
            for held in trusted
        )
        decision = decide(
            listings,
            members,
            previous=previous,
            exclusions=exclusions,
            tombstoned=tombstoned or own_tombstones(shelf),
            released=released,
            trusted=trusted if any(laid.values()) else None,
        )
    return Current(decision, listings, tuple(heads))


def _with_honoured(shelf: Shelf, listings: tuple[MemberListing, ...]) -> tuple[MemberListing, ...]:
    """The listings with the blocks whose digest only a tombstone remembers."""
    found = honoured_blocks(shelf, [held.listing for held in listings])
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


def listing_of(shelf: Shelf, log: LogRecord, set_aside: Sequence[Quarantined] = ()) -> Listing:
    """What one held list says at its held size, without what was set aside."""
    files = LogFiles(shelf.objects, shelf.vault, log.origin)
    items = files.items(first=0, size=log.head.size)
    spans = [
        (_KINDS[item.kind], range(item.first, item.last + 1)) for item in set_aside if item.kind in _KINDS
    ]
    listing = fold(log.origin, _without(items, spans) if spans else items)
    return replace(listing, size=log.head.size)


_Item = tuple[int, bytes, bytes | None]


def _without(items: Iterator[_Item], spans: Sequence[tuple[Op, range]]) -> Iterator[_Item]:
    for item in items:
        if not any(item[1][1] == op and item[0] in span for op, span in spans):
            yield item
