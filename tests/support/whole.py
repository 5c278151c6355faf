"""A judgement of all lists folded whole, at once: what every other way of judging has to equal."""

from datetime import datetime, timedelta
from unittest.mock import patch

from keys.trust.members import Members
from node.judgement.effective import Current, judge_all, judge_held, judge_some
from node.judgement.fold import fold_held
from node.judgement.part import part_of
from node.judgement.premises import Premises
from node.objects.listed import effective_in
from node.store.store import Store
from protocol.digest import Digest
from protocol.lists.listing import Entry
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
    exclusions: frozenset[Digest] = frozenset(),
) -> Current:
    """Judge all held lists whole, and require that ranges and parts of them give the same.

    The arguments are those of `protocol.judgement.quorum.decide`.
    """
    whole = judge_whole(store, members, now=now, max_age=max_age, previous=previous, exclusions=exclusions)
    digests = {entry.digest for held in whole.listings for entry in held.listing.entries.values()}
    _require_ranges(whole, store, members, now=now, max_age=max_age, previous=previous, exclusions=exclusions)
    for digest in sorted(digests)[:_SAMPLE]:
        some = judge_some(
            store, members, [digest], now=now, max_age=max_age, previous=previous, exclusions=exclusions
        )
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
    exclusions: frozenset[Digest] = frozenset(),
) -> Current:
    """Judge all held lists whole."""
    with store.read() as unit:
        premises = Premises.of(unit)
    return judge_held(
        store,
        premises,
        [fold_held(store, held) for held in premises.lists],
        members,
        fresh=premises.fresh(now=now, max_age=max_age),
        previous=previous,
        exclusions=exclusions,
    )


def effective_before(store: Store) -> frozenset[Key]:
    """Everything that the newest releases list of what the held lists name."""
    with store.read() as unit:
        premises = Premises.of(unit)
        folded = [fold_held(store, held) for held in premises.lists]
        digests = {entry.digest for listing in folded for entry in listing.entries.values()}
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
    exclusions: frozenset[Digest],
) -> None:
    events = sum(log.head.size for log in whole.heads) // _RANGES
    with patch("node.judgement.ranges.EVENTS", max(events, 1)):
        judged = judge_all(store, members, now=now, max_age=max_age, previous=previous, exclusions=exclusions)
        shares = list(judged.shares)
    assert judged.premises.heads == whole.heads
    effective = [item for share in shares for item in share.effective.items()]
    assert dict(effective) == whole.decision.effective
    assert len(effective) == len(whole.decision.effective)
    for at, held in enumerate(whole.listings):
        entries = [one for share in shares for one in share.listings[at].listing.entries.items()]
        assert dict(entries) == held.listing.entries
        assert len(entries) == len(held.listing.entries)


def _entries(whole: Current) -> list[Entry]:
    return [entry for held in whole.listings for entry in held.listing.entries.values()]
