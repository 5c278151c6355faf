"""Answering disclosed look-ups: which PDQ values that a partner shows are near an entry of its release.

Off unless the node and the partner are both allowed. Answered is yes with a collection, or no, and never a distance: a
distance would lead to the entry in a few steps. Yes and no alone lead there in some hundred, all of them near it; so
values are counted by what they are about, and a partner with too many about one entry is stopped until two persons
look. What is kept is numbers; the audit log gets them as well. Spec: docs/spec/disclosed.md.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from node.access.quotas import spend
from node.audit.actors import NODE
from node.audit.log import OK, enqueue, new_record
from node.clock import Clock, milliseconds
from node.errors import (
    ConflictError,
    ForbiddenError,
    ListTooOldError,
    MissingObjectError,
    NotFoundError,
    UnauthenticatedError,
    UsageError,
)
from node.formats.recipient_list import Values, values_of
from node.hashing.distance import RECOMMENDED
from node.hashing.neighbours import near
from node.journal import Journal
from node.lists.lookup import digests_named
from node.objects.listed_rows import catch_up, of_kind_in
from node.partners.parameters import require_subset
from node.store.partners.records import DisclosureRecord
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord
from node.store.unit import Unit
from protocol.digest import Algorithm, Digest
from protocol.statement.disclosed_lookup import NOTHING, DisclosedQuery, DisclosedReply, require_content
from protocol.subset.identity import subset_id

ACTION: Final = "disclosed.lookup"
STOPPED: Final = "stopped"
"""Outcome of the look-up that stopped a partner."""

MOST_ABOUT_ONE: Final = 16
"""Values of one partner about one entry before persons look: each answer tells at most one bit of the entry."""
ABOUT: Final = 2 * RECOMMENDED
"""A value this near an entry is about it. Whoever has one that is near (31) learns from others that are up to 31 away
from that one, so up to 62 from the entry; a picture that has nothing to do with it differs in about 128 bits."""

_ATTEMPTS: Final = 5
"""How often lists may move under whoever reads what a release lists."""
_MOST_COUNTED: Final = 16
"""Entries that one value is counted for, the nearest: a list has many versions of some pictures."""
_journal = Journal("disclosed")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """The PDQ values of one release, while it is the newest."""

    version: int
    manifest_sha256: bytes
    shredded: frozenset[bytes]
    digests: tuple[Digest, ...] = field(repr=False)
    collections: tuple[tuple[int, ...], ...] = field(repr=False)
    values: Values = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one value is about, as look-up keys, and the collection of the nearest entry that is near enough."""

    about: tuple[int, ...] = field(repr=False)
    collection: int


class DisclosedLookups:
    """Answers the disclosed look-ups of all partners."""

    def __init__(self, store: Store, clock: Clock, *, enabled: bool) -> None:
        self._store = store
        self._clock = clock
        self._enabled = enabled
        self.turn = asyncio.Lock()
        """One at a time: comparing takes a core, and whoever waits must take no thread from the others' requests."""
        self._listed: dict[str, _Listed] = {}

    def ask(self, partner: str, subset: str, body: bytes) -> bytes:
        """The reply to a query of `partner`. The quota is charged before anything is compared.

        Raises:
            NotFoundError: this node answers none, or has no PDQ values in this subset.
            MalformedError: not a query, or a value that says nothing about a picture.
            UsageError: of another subset than its address.
            ForbiddenError: this partner may not, or is stopped until persons have looked.
            OverQuotaError: the values of the day are used up.
            ListTooOldError: the subset has no release that is in force.
            ConflictError: one release after the other came while it was read.
        """
        if not self._enabled:
            raise NotFoundError("this node answers no disclosed look-ups")
        query = DisclosedQuery.from_bytes(body)
        with self._store.read() as unit:
            asked = unit.subsets.get(subset)
        if query.subset_id != subset_id(asked.origin):
            raise UsageError("a disclosed look-up of another subset than its address")
        if Algorithm.PDQ not in asked.filter.algorithms:
            raise NotFoundError("{subset} has no PDQ values: nothing can be near them", subset)
        require_content(query)
        listed = self._newest(subset)
        self._charge(partner, len(query.values))
        found = self._compare(listed, query.values)
        self._count(partner, found)
        collections = tuple(each.collection for each in found)
        return DisclosedReply(version=listed.version, collections=collections).to_bytes()

    def _charge(self, partner: str, count: int) -> None:
        now = self._clock.now()
        with self._store.write() as unit:
            if unit.partners.get(partner).suspended:
                raise UnauthenticatedError("the partner is suspended")
            held = _allowed(unit, partner)
            left = spend(held.allowance, held.values_per_day, count, now, what="disclosed values")
            unit.disclosure.put(replace(held, allowance=left))

    def _newest(self, subset: str) -> _Listed:
        for _ in range(_ATTEMPTS - 1):
            with suppress(ConflictError, MissingObjectError):  # another release came, or a bundle grew
                return self._values(self._release(subset))
        return self._values(self._release(subset))

    def _release(self, subset: str) -> ReleaseRecord:
        with self._store.read() as unit:
            record = unit.releases.newest(subset)
        if record is None or record.not_after_ms <= milliseconds(self._clock.now()):
            raise ListTooOldError("this subset has no release that is in force")
        return record

    def _values(self, release: ReleaseRecord) -> _Listed:
        """The PDQ values of a release; they are read again for another release, and after a shredding.

        The lists say which they are; what none of them names any more is near nothing.
        """
        with self._store.read() as unit:
            shredded = frozenset(each.mac for each in unit.tombstones.ls())
        kept = self._listed.get(release.subset)
        if kept is not None and (kept.manifest_sha256, kept.shredded) == (release.manifest_sha256, shredded):
            return kept
        catch_up(self._store, release.subset)
        with self._store.read() as unit:
            rows = of_kind_in(unit, release, Algorithm.PDQ)
            found = digests_named(self._store, unit, {row.name for row in rows})
        listed = {found[row.name]: row.numbers for row in rows if row.name in found}
        digests = tuple(listed)
        made = _Listed(
            version=release.version,
            manifest_sha256=release.manifest_sha256,
            shredded=shredded,
            digests=digests,
            collections=tuple(listed.values()),
            values=values_of(digests),
        )
        self._listed[release.subset] = made
        return made

    def _compare(self, listed: _Listed, asked: Sequence[Digest]) -> list[_Found]:
        found: dict[int, list[tuple[int, int]]] = {place: [] for place in range(len(asked))}
        for pair in near(listed.values, values_of(asked), most=ABOUT):
            found[pair.asked].append((pair.listed, pair.distance))
        with self._store.read() as unit:
            return [self._found(unit, listed, pairs) for pairs in found.values()]

    def _found(self, unit: Unit, listed: _Listed, pairs: Sequence[tuple[int, int]]) -> _Found:
        """Of the pairs of one value, the nearest first."""
        about = tuple(self._store.vault.key_of(listed.digests[at]) for at, _ in pairs[:_MOST_COUNTED])
        for at, distance in pairs:
            if distance > RECOMMENDED:
                break
            collection = self._standing(unit, listed, at)
            if collection != NOTHING:
                return _Found(about, collection)
        return _Found(about, NOTHING)

    def _standing(self, unit: Unit, listed: _Listed, at: int) -> int:
        """The collection of an entry of the release; none of one that was withdrawn since."""
        key = self._store.vault.key_of(listed.digests[at])
        stand = {hit.collection for hit in unit.entries.find([key]) if hit.ended is None}
        return next((each for each in listed.collections[at] if each in stand), NOTHING)

    def _count(self, partner: str, found: Sequence[_Found]) -> None:
        """Count what was asked, in the transaction of its audit record; raises `ForbiddenError` when it is too much.

        It comes before the answer, and of requests that come at once the store counts one after the other. Then nothing
        of it is answered: what one batch asks about an entry is counted as if it came one by one.
        """
        now_ms = milliseconds(self._clock.now())
        met = sum(each.collection != NOTHING for each in found)
        with self._store.write() as unit:
            held = _allowed(unit, partner)
            highest = [unit.disclosure.count_about(partner, each.about) for each in found]
            stopped = max(highest) > MOST_ABOUT_ONE
            unit.disclosure.put(
                replace(
                    held,
                    asked=held.asked + len(found),
                    met=held.met + met,
                    stopped_ms=now_ms if stopped else None,
                )
            )
            told = new_record(
                self._store,
                actor=NODE,
                action=ACTION,
                subject=partner,
                now_ms=now_ms,
                outcome=STOPPED if stopped else OK,
                details={"values": str(len(found)), "met": str(met)},
            )
            enqueue(unit, told)
        if stopped:
            _journal.warning("stopped", partner=partner, step=f"sigfed partner disclose {partner}")
            raise _waits()


class PartnerDisclosure:
    """`protocol.api.DisclosedApi` for one partner, in the subsets that it may ask."""

    def __init__(self, lookups: DisclosedLookups, partner: str, subsets: frozenset[str]) -> None:
        self._lookups = lookups
        self._partner = partner
        self._subsets = subsets

    async def disclosed_lookup(self, subset: str, query: bytes) -> bytes:
        """Which values are near an entry; raises as `DisclosedLookups.ask`."""
        require_subset(subset, self._subsets)
        async with self._lookups.turn:
            return await asyncio.to_thread(self._lookups.ask, self._partner, subset, query)


def _allowed(unit: Unit, partner: str) -> DisclosureRecord:
    """What the partner may show; raises `ForbiddenError` when it may show nothing now."""
    held = unit.disclosure.lock(partner)
    if held is None or not held.values_per_day:
        raise ForbiddenError(
            "this agency lets this partner make no disclosed look-ups", hint="ask the agency for it"
        )
    if held.stopped_ms is not None:
        raise _waits()
    return held


def _waits() -> ForbiddenError:
    return ForbiddenError(
        "too many values of disclosed look-ups were alike; nothing is answered until the agency has looked",
        hint="talk to the agency",
    )
