"""A judgement of all lists folded whole, at once: what every other way of judging has to equal."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import patch

from keys.trust.members import Members
from node.judgement.effective import Current, Share, judge_all, judge_held, judge_some
from node.judgement.fold import items_of
from node.judgement.part import part_of
from node.judgement.premises import HeldList, Premises
from node.objects.listed_rows import effective_in
from node.store.store import Store
from protocol.digest import Digest
from protocol.judgement.quorum import Support
from protocol.judgement.voices import MemberListing
from protocol.lists.listing import Entry, Listing, fold
from support.lists import restrict

_RANGES = 4
_SAMPLE = 10
Key = tuple[int, Digest]


def current(
    store: Store,
    members: Members,
    *,
    now: datetime,
    max_age: timedelta,
    previous: frozenset[Key] = frozenset(),
) -> Current:
    """Judge all held lists whole, and require that ranges and parts of them give the same.

    The arguments are those of `protocol.judgement.quorum.decide`.
    """
    whole = judge_whole(store, members, now=now, max_age=max_age, previous=previous)
    digests = {entry.digest for held in whole.listings for entry in held.listing.entries.values()}
    _require_ranges(whole, store, members, now=now, max_age=max_age, previous=previous)
    for digest in sorted(digests)[:_SAMPLE]:
        some = judge_some(store, members, [digest], now=now, max_age=max_age, previous=previous)
        with store.read() as unit:
            judged = part_of(store, unit, Premises.of(unit), [digest]).digests
        require_equal(some, whole, judged)
    return whole


def judge_whole(
    store: Store,
    members: Members,
    *,
    now: datetime,
    max_age: timedelta,
    previous: frozenset[Key] = frozenset(),
) -> Current:
    """Judge all held lists whole."""
    with store.read() as unit:
        premises = Premises.of(unit)
    return judge_held(
        store,
        premises,
        [folded(store, held) for held in premises.lists],
        members,
        fresh=premises.fresh(now=now, max_age=max_age),
        previous=previous,
    )


def folded(store: Store, held: HeldList) -> Listing:
    """What one held list says."""
    return replace(fold(held.origin, items_of(store, held)), size=held.size)


def effective_before(store: Store) -> frozenset[Key]:
    """Everything that the newest releases list of what the held lists name."""
    with store.read() as unit:
        premises = Premises.of(unit)
        listings = [folded(store, held) for held in premises.lists]
        digests = {entry.digest for listing in listings for entry in listing.entries.values()}
        return effective_in(store, unit, premises.releases, digests)


def require_equal(some: Current, whole: Current, digests: frozenset[Digest]) -> None:
    """Require that some digests are judged, of what they need, as of the whole."""
    parts = restrict(some.listings, digests), restrict(whole.listings, digests)
    for part, held in zip(*parts, strict=True):
        assert part.listing.entries == held.listing.entries
        assert part.listing.blocks == held.listing.blocks
    collections = sorted({entry.collection for entry in _entries(whole)})
    for digest in sorted(digests)[:_SAMPLE]:
        assert some.decision.blocks_of(digest, collections) == whole.decision.blocks_of(digest, collections)
        for collection in collections:
            key = (collection, digest)
            assert some.decision.effective.get(key) == whole.decision.effective.get(key)
            assert some.decision.explain(*key) == whole.decision.explain(*key)


def _require_ranges(
    whole: Current,
    store: Store,
    members: Members,
    *,
    now: datetime,
    max_age: timedelta,
    previous: frozenset[Key],
) -> None:
    events = sum(log.head.size for log in whole.heads) // _RANGES
    with patch("node.judgement.ranges.EVENTS", max(events, 1)):
        judged = judge_all(store, members, now=now, max_age=max_age, previous=previous)
        shares = list(judged.shares)
    assert judged.premises.heads == whole.heads
    effective = [item for share in shares for item in _each_effective(share, whole)]
    assert dict(effective) == whole.decision.effective
    assert len(effective) == len(whole.decision.effective)
    waiting = [(key[0], digest) for share in shares for key in share.waiting for digest in share.each(key[1])]
    assert sorted(waiting) == sorted(whole.decision.waiting())
    for at, held in enumerate(whole.listings):
        entries = [one for share in shares for one in _each_entry(share, at, held)]
        assert dict(entries) == held.listing.entries
        assert len(entries) == len(held.listing.entries)


def _each_effective(share: Share, whole: Current) -> Iterator[tuple[Key, Support]]:
    """What is effective of all digests of a share: of those that are alike, with their own entries."""
    entries = {held.listing.origin: held.listing.entries for held in whole.listings}
    for (collection, digest), support in share.effective.items():
        yield (collection, digest), support
        if (alike := share.alike.get(digest)) is None:
            continue
        for other, places in zip(alike.digests, alike.places.tolist(), strict=True):
            moved = dict(zip(alike.slots, places, strict=True))
            countries, authorities = (
                {
                    name: tuple(entries[one.origin][moved[one.origin, one.index]] for one in of_name)
                    for name, of_name in said.items()
                }
                for said in (support.countries, support.authorities)
            )
            yield (
                (collection, other),
                Support(collection=collection, digest=other, countries=countries, authorities=authorities),
            )


def _each_entry(share: Share, at: int, held: MemberListing) -> Iterator[tuple[int, Entry]]:
    """The entries of a list that a share is about: of digests that are alike, as their places say."""
    origin, folded = held.listing.origin, share.listings[at].listing.entries
    yield from folded.items()
    for digest, alike in share.alike.items():
        for slot, column in zip(alike.slots, alike.places.T.tolist(), strict=True):
            if slot[0] == origin and slot[1] in folded:
                assert folded[slot[1]].digest == digest
                yield from ((index, held.listing.entries[index]) for index in column)


def _entries(whole: Current) -> list[Entry]:
    return [entry for held in whole.listings for entry in held.listing.entries.values()]
