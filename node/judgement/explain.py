"""Explaining a hash: who lists it and how they know, what blocks it, which rule it meets, in which releases it is.

For people of the agency only: it opens what the log hides. A judgement is given, and a hash is found in it by the
look-up index: no list is gone through. What waits for publication is said apart, because nobody else sees it yet.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from keys.message import Message
from node.errors import NotFoundError
from node.judgement.effective import Current
from node.judgement.trace import Traced, trace
from node.lists.lookup import Finder, Found
from node.peers.acknowledge import Behind, not_applied
from node.store.lists.records import LogKind
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.judgement.blocks import Standing, StandingBlock
from protocol.judgement.quorum import Blocked, Discounted, Tombstoned, TooFewCountries
from protocol.judgement.voices import MemberListing
from protocol.limits import HEADER_BYTES
from protocol.lists.event import BASELINE, Header
from protocol.lists.ext import Basis, EntryRef, Ext, Reason
from protocol.lists.listing import BlockKind, Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One active, published entry of a digest."""

    node: str
    country: str | None
    entry: Entry
    why_not: str
    """Why it does not count; empty when it does."""

    @property
    def ext(self) -> Ext:
        """What it says now."""
        return self.entry.ext


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSeen:
    """One list's open block of a digest."""

    country: str | None
    block: StandingBlock
    overruled_by: tuple[str, ...]
    """Countries that name it in entries that count."""

    def standing_in(self, collection: int) -> Standing:
        """What it does in a collection."""
        return self.block.standing_in(collection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One collection's rule, and what there is of it."""

    collection: int
    needed: int
    countries: tuple[str, ...]
    """That count, of fresh lists unless it was effective before."""
    authorities: tuple[str, ...]
    effective: bool
    reasons: tuple[str, ...]
    """Why not, in words; none when it is effective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An entry of the digest that was withdrawn."""

    origin: str
    index: int
    by: int
    """Place of the withdrawal."""
    collection: int
    reason: str
    time_ms: int
    """0 while the withdrawal waits for publication."""
    behind: tuple[Behind, ...]
    """Of an own list: peers that have not applied it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A published entry that is held and plays no part."""

    origin: str
    index: int
    collection: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something about the digest that an own list has not published."""

    origin: str
    index: int
    kind: str
    """`entry`, `dispute`, `withdrawal` or `resolution`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What the federation says about one digest."""

    digest: Digest
    listed: tuple[Listed, ...]
    blocks: tuple[BlockSeen, ...]
    rules: tuple[Rule, ...]
    releases: tuple[Traced, ...]
    ended: tuple[Ended, ...]
    held_back: tuple[HeldBack, ...]
    waiting: tuple[Waiting, ...]
    shredded: bool
    """Whether this node shredded it: then it is never effective here."""

    @property
    def effective_in(self) -> tuple[int, ...]:
        """The collections in which it is effective."""
        return tuple(rule.collection for rule in self.rules if rule.effective)

    def stays_in(self, traced: Traced) -> bool:
        """Whether the subset's next release will have it, as things stand."""
        return any(traced.subset.filter.covers(number, self.digest.algorithm) for number in self.effective_in)


def explain(store: Store, current: Current, digests: Collection[Digest]) -> Mapping[Digest, Explanation]:
    """What held lists, the quorum and this node's releases say about each digest, all of which were judged."""
    traced = trace(store, digests)
    with store.read() as unit:
        teller = _Teller(unit, Finder(store, unit), current)
        return {digest: teller.tell(digest, traced[digest]) for digest in digests}


_UNCOSIGNED = "withdrawn in a head that too few witnesses cosigned yet"
_SET_ASIDE = "set aside in quarantine"
_Held = tuple[MemberListing, Entry]


class _Teller:
    """Puts together what is known of one digest after the other."""

    def __init__(self, unit: Unit, finder: Finder, current: Current) -> None:
        self._unit = unit
        self._finder = finder
        self._decision = current.decision
        self._k = current.members.k
        self._held = {held.listing.origin: held for held in current.listings}
        self._countries = {member.node: member.country for member in current.members.members}

    def tell(self, digest: Digest, traced: tuple[Traced, ...]) -> Explanation:
        found = self._finder.find([digest])
        entries = list(self._entries(found))
        collections = {entry.collection for _, entry in entries}
        collections |= {number for each in traced for number in each.collections}
        return Explanation(
            digest=digest,
            listed=tuple(self._listed(held, entry) for held, entry in entries),
            blocks=tuple(
                self._seen(block, entries) for block in self._decision.blocks_of(digest, sorted(collections))
            ),
            rules=tuple(self._rule(number, digest) for number in sorted(collections)),
            releases=traced,
            ended=tuple(self._ended(found)),
            held_back=tuple(self._held_back(found)),
            waiting=tuple(self._waiting(found)),
            shredded=any(isinstance(why, Tombstoned) for why in self._decision.withheld(BASELINE, digest)),
        )

    def _entries(self, found: Iterable[Found]) -> Iterator[_Held]:
        for each in found:
            held = self._held.get(each.log.origin)
            entry = None if held is None else held.listing.entries.get(each.hit.position)
            if held is not None and entry is not None:
                yield held, entry

    def _listed(self, held: MemberListing, entry: Entry) -> Listed:
        reason = self._decision.discount(held, entry)
        return Listed(
            node=held.node,
            country=self._countries.get(held.node),
            entry=entry,
            why_not="" if reason is None else reason.value,
        )

    def _seen(self, block: StandingBlock, entries: Iterable[_Held]) -> BlockSeen:
        named = (
            self._countries.get(held.node)
            for held, entry in entries
            if held.node != block.node
            and self._decision.discount(held, entry) is None
            and any(ref in held.ext(entry).reaffirms for ref in block.refs)
        )
        return BlockSeen(
            country=self._countries.get(block.node),
            block=block,
            overruled_by=tuple(sorted({country for country in named if country is not None})),
        )

    def _rule(self, collection: int, digest: Digest) -> Rule:
        support = self._decision.support(collection, digest)
        effective = (collection, digest) in self._decision.effective
        return Rule(
            collection=collection,
            needed=self._k,
            countries=tuple(support.countries),
            authorities=tuple(support.authorities),
            effective=effective,
            reasons=tuple(self._reasons(collection, digest)),
        )

    def _reasons(self, collection: int, digest: Digest) -> Iterator[str]:
        for why in self._decision.explain(collection, digest):
            match why:
                case Tombstoned():
                    yield "it was shredded here"
                case Blocked():
                    yield f"{why.node} blocks it ({block_words(why.kind)}, event {why.ref.index})"
                case TooFewCountries():
                    yield f"{why.found} of {why.needed} countries list it on their own knowledge"
                case Discounted():
                    pass  # said beside that entry

    def _ended(self, found: Iterable[Found]) -> Iterator[Ended]:
        for each in found:
            by = each.hit.ended
            if each.hit.collection < 0 or by is None:
                continue
            is_own = each.log.kind is LogKind.OWN_LIST
            yield Ended(
                origin=each.log.origin,
                index=each.hit.position,
                by=by,
                collection=each.collection,
                reason=self._reason(each, by),
                time_ms=self._time_of(each, by),
                behind=not_applied(self._unit, each.log, by) if is_own else (),
            )

    def _held_back(self, found: Iterable[Found]) -> Iterator[HeldBack]:
        for each in found:
            held, place = self._held.get(each.log.origin), each.hit.position
            if held is None or not each.is_entry:
                continue
            listing = held.listing
            if place in listing.entries or place >= listing.size:
                continue
            why = _UNCOSIGNED if place in listing.withdrawn else _SET_ASIDE
            yield HeldBack(origin=each.log.origin, index=place, collection=each.collection, why=why)

    def _reason(self, found: Found, by: int) -> str:
        try:
            return reason_words(self._finder.reader(found.log).opening(by).ext.reason)
        except NotFoundError:
            return "not known"

    def _time_of(self, found: Found, position: int) -> int:
        if position >= found.log.head.size:
            return 0
        return Header.from_bytes(self._finder.reader(found.log).event(position)[:HEADER_BYTES]).time_ms

    def _waiting(self, found: Iterable[Found]) -> Iterator[Waiting]:
        for each in found:
            if each.log.kind is not LogKind.OWN_LIST:
                continue
            entry = each.hit.collection > 0
            if each.hit.position >= each.log.head.size:
                kind = "entry" if entry else "dispute"
                yield Waiting(origin=each.log.origin, index=each.hit.position, kind=kind)
            if each.hit.ended is not None and each.hit.ended >= each.log.head.size:
                kind = "withdrawal" if entry else "resolution"
                yield Waiting(origin=each.log.origin, index=each.hit.ended, kind=kind)


def basis_words(basis: int | None) -> str:
    """A basis as people type it."""
    return Basis(basis).name.lower().replace("_", "-") if basis in set(Basis) else "none"


def reason_words(reason: int | None) -> str:
    """A reason as people type it."""
    return Reason(reason).name.lower() if reason in set(Reason) else "none"


def block_words(kind: BlockKind) -> str:
    """What a block is."""
    return "withdrawn for error" if kind is BlockKind.ERROR else "dispute"


def is_past(review_by: date | None, today: date) -> bool:
    """Whether an entry should have been looked at again."""
    return review_by is not None and review_by <= today


def source_words(source: EntryRef | str) -> str:
    """Whose word an entry relies on."""
    if isinstance(source, str):
        return source
    return Message("{origin} entry {index}", source.origin, source.index)


def statement_words(ext: Ext, today: date) -> Iterator[Message]:
    """The rarer things that an entry says."""
    if ext.review_by is not None:
        past = is_past(ext.review_by, today)
        yield Message("review by {day} (past)" if past else "review by {day}", ext.review_by)
    if ext.legality:
        yield Message("known to be illegal in {codes}", ", ".join(ext.legality))
    if ext.hash_profile:
        yield Message("hash profile {profile}", ext.hash_profile)
    if ext.relies_on is not None:
        yield Message("relies on {source}", source_words(ext.relies_on))
    for ref in ext.reaffirms:
        yield Message("overrules event {index} of {origin}", ref.index, ref.origin)
