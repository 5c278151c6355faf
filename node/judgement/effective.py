"""What is effective now: the held lists folded, each with its freshness, and the quorum over them.

Own lists count as far as they are published. A peer's list is fresh when its head was seen to be the newest within the
age the operator allows, and not later than now; and never while the list stands still because a proof convicted it, or
while its node withholds which keys it took back: then its adds take no new effect, and what was effective stays.
What the guards set aside is left out, additions and withdrawals alike, until it is released.
Withdrawals and disputes of heads that witnesses have not cosigned yet lie upon the lists as overlays.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from keys.trust.members import Members
from node.judgement.part import Part, part_of
from node.judgement.premises import Premises
from node.judgement.ranges import Alike, Beside, Range, Telling, ranges_of
from node.lists.tombstones import honoured_blocks, tombstoned
from node.lists.touches import catch_up
from node.objects import listed_rows
from node.peers.sync.kept_overlays import overlay_items
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord, WideKey
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.judgement.quorum import Decision, Support, decide
from protocol.judgement.voices import MemberListing
from protocol.limits import HEADER_BYTES
from protocol.lists.event import Header
from protocol.lists.listing import Block, Entry, Listing, overlay

Previous: TypeAlias = frozenset[tuple[int, Digest]] | Sequence[ReleaseRecord]
"""What was effective before, collection and digest; or the newest releases that list it, asked about digests."""


@dataclass(frozen=True, slots=True)
class Current:
    """The quorum's decision and what it was made of."""

    decision: Decision
    listings: tuple[MemberListing, ...]
    """One for each list of the premises."""
    premises: Premises
    members: Members
    """The register that was judged by."""

    @property
    def heads(self) -> tuple[LogRecord, ...]:
        """The logs at the sizes that were folded, in the order of `listings`."""
        return self.premises.heads


@dataclass(frozen=True, slots=True)
class Share:
    """What is effective of some digests, and their entries; of those that are alike, of one."""

    decision: Decision
    """By which they were judged; it may know more digests."""
    effective: Mapping[tuple[int, Digest], Support]
    waiting: frozenset[tuple[int, Digest]]
    """Collection and digest of what would have more support if all lists were fresh."""
    listings: tuple[MemberListing, ...]
    """The lists as they were judged, with the entries of these digests alone."""
    keys: range
    """Of their look-up keys; no other share has digests in it."""
    alike: Mapping[Digest, Alike]
    """Of which what is said here of another digest holds as well, by this one."""

    def each(self, digest: Digest) -> Iterator[Digest]:
        """A digest that is judged, and those that are alike."""
        yield digest
        if digest in self.alike:
            yield from self.alike[digest].digests


@dataclass(frozen=True, slots=True)
class Everything:
    """A judgement of all held lists."""

    premises: Premises
    """With the logs at the sizes that are judged, in the order of the listings."""
    shares: Iterator[Share]
    """Every digest in one of them; judged when asked for, and worth a pass over the lists."""


def judge_all(
    store: Store,
    members: Members,
    *,
    now: datetime,
    max_age: timedelta,
    previous: Previous | None = None,
    apart: Callable[[], frozenset[Digest]] = frozenset,
) -> Everything:
    """Judge all held lists from nothing, a range after the other (`ranges_of`); the arguments are `decide`'s.

    `previous` are the newest releases, unless they are given. When one of them is the newest no more while shares are
    judged, that raises `ConflictError`. `apart`, asked with the first share, says which digests are like no other.
    """
    _catch_up(store, previous)
    with store.read() as unit:
        premises = Premises.of(unit)
        part = part_of(store, unit, premises, ())
        before = premises.releases if previous is None else previous
        common = _effective_before(store, unit, before, part.digests)

    def shares() -> Iterator[Share]:
        beside = _beside(store, premises, part, before, apart())
        for each in ranges_of(store, premises.lists, part.listings, beside):
            with store.read() as unit:
                known = common | _effective_before(store, unit, before, each.digests)
            judged = judge_held(
                store,
                premises,
                each.listings,
                members,
                fresh=premises.fresh(now=now, max_age=max_age),
                previous=known,
            )
            yield _share(judged, each)

    return Everything(premises, shares())


def _catch_up(store: Store, previous: Previous | None) -> None:
    """Whoever judges first reads what older versions wrote down otherwise, of the releases that are asked."""
    catch_up(store)
    if previous is None:
        listed_rows.catch_up(store)
    elif not isinstance(previous, frozenset):
        for each in previous:
            listed_rows.catch_up(store, each.subset)


def _effective_before(
    store: Store, unit: Unit, said: Previous, digests: frozenset[Digest]
) -> frozenset[tuple[int, Digest]]:
    return said if isinstance(said, frozenset) else listed_rows.effective_in(store, unit, said, digests)


def _beside(
    store: Store, premises: Premises, part: Part, before: Previous, apart: frozenset[Digest]
) -> Beside:
    """What is asked besides the lists: freshness is of whole lists, and a register of nodes."""
    alone = apart | part.digests | {entry.digest for each in part.listings for entry in each.entries.values()}
    graves = frozenset(each.mac for each in premises.tombstones)
    laid = (
        (number, Header.from_bytes(event[:HEADER_BYTES]))
        for number, log in enumerate(premises.heads)
        for _, event, _ in overlay_items(store.vault, log, premises.overlays)
    )

    def telling(keys: range) -> Telling:
        said_before = _telling_before(store, before, keys)

        def told(digest: Digest, name: WideKey) -> Hashable:
            if digest in alone or (graves and store.vault.tombstone_of(digest) in graves):
                return digest
            return said_before(digest, name)

        return told

    return Beside(
        telling=telling, touched={(number, header.ref) for number, header in laid}, revoked=premises.revoked
    )


def _telling_before(store: Store, said: Previous, keys: range) -> Telling:
    """In which collections a digest was effective before."""
    if isinstance(said, frozenset):
        known = {collection for collection, _ in said}
        return lambda digest, _: tuple(number for number in known if (number, digest) in said)
    rows: dict[WideKey, list[tuple[str, bytes]]] = {}
    for record in said:
        for row in listed_rows.rows_in(store, record, keys):
            rows.setdefault(row.name, []).append((record.subset, row.collections))
    return lambda _, name: tuple(rows.get(name, ()))


def _share(judged: Current, ranged: Range) -> Share:
    """A judgement without the digests that another range has."""
    digests = ranged.digests
    effective = judged.decision.effective.items()
    return Share(
        decision=judged.decision,
        effective={key: support for key, support in effective if key[1] in digests},
        waiting=frozenset(key for key in judged.decision.waiting() if key[1] in digests),
        listings=tuple(
            replace(held, listing=replace(held.listing, entries=dict(_of(held.listing, digests))))
            for held in judged.listings
        ),
        keys=ranged.keys,
        alike=ranged.alike,
    )


def _of(listing: Listing, digests: frozenset[Digest]) -> Iterator[tuple[int, Entry]]:
    return ((index, entry) for index, entry in listing.entries.items() if entry.digest in digests)


def judge_some(
    store: Store,
    members: Members,
    digests: Collection[Digest],
    *,
    now: datetime,
    max_age: timedelta,
    previous: Previous | None = None,
) -> Current:
    """Judge some digests as the whole lists have them, from their part (`part_of`): no list is folded.

    `previous` are the newest releases, unless they are given.
    """
    _catch_up(store, previous)
    with store.read() as unit:
        premises = Premises.of(unit)
        part = part_of(store, unit, premises, digests)
        before = premises.releases if previous is None else previous
        known = _effective_before(store, unit, before, part.digests)
    return judge_held(
        store,
        premises,
        part.listings,
        members,
        fresh=premises.fresh(now=now, max_age=max_age),
        previous=known,
    )


def judge_held(
    store: Store,
    premises: Premises,
    listings: Sequence[Listing],
    members: Members,
    *,
    fresh: frozenset[str],
    previous: frozenset[tuple[int, Digest]],
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
        tombstoned=tombstoned(store),
        released=premises.released,
        trusted=trusted if any(laid.values()) else None,
    )
    return Current(decision, overlaid, premises, members)


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
