"""What makes a digest effective: enough countries on their own knowledge, or an authority, and no block.

A pure function of the held lists, the members register and the previous effective set; neither the order of its
inputs nor a clock plays a part (`fresh` was decided before). Each digest stands alone: digests of one file help each
other nowhere. Which adds count is `protocol.judgement.voices`', which blocks apply `protocol.judgement.blocks`'s.
What a release takes of the effective digests is the subset's filter. Spec: docs/spec/quorum.md.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, TypeAlias

from keys.trust.members import Members
from protocol.digest import Digest
from protocol.judgement.blocks import Blocking, StandingBlock
from protocol.judgement.voices import Discount, MemberListing, Voice, Voices
from protocol.lists.ext import EntryRef
from protocol.lists.listing import BlockKind, Entry

# Callers of the quorum need the types of its input and answer from here.

Key: TypeAlias = tuple[int, Digest]
"""Collection and digest."""

_NO_PREVIOUS: Final[frozenset[Key]] = frozenset()
_NO_RELEASE: Final[frozenset[EntryRef]] = frozenset()


def _never(_: Digest) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Why a digest is effective in a collection: the counting entries, lowest index first in each list."""

    collection: int
    digest: Digest
    countries: Mapping[str, tuple[Entry, ...]]
    """By ISO 3166 alpha-2 code, ascending."""
    authorities: Mapping[str, tuple[Entry, ...]]
    """By node name of the members that are an authority for the collection, ascending."""


@dataclass(frozen=True, slots=True)
class TooFewCountries:
    """Not enough countries list the digest on their own knowledge."""

    found: int
    needed: int


@dataclass(frozen=True, slots=True)
class Discounted:
    """An active entry that does not count."""

    node: str
    ref: EntryRef
    reason: Discount


@dataclass(frozen=True, slots=True)
class Blocked:
    """A list's block applies."""

    node: str
    ref: EntryRef
    kind: BlockKind


@dataclass(frozen=True, slots=True)
class Tombstoned:
    """The digest was shredded here."""


Why: TypeAlias = Tombstoned | Blocked | TooFewCountries | Discounted
"""One reason why a digest is not effective."""


class Decision:
    """What is effective, what is blocked, and why something is not."""

    __slots__ = (
        "_blocking",
        "_k",
        "_previous",
        "_tombstoned",
        "_trusted",
        "_voices",
        "blocks",
        "effective",
    )

    def __init__(
        self,
        voices: Voices,
        blocking: Blocking,
        *,
        trusted: Blocking | None,
        k: int,
        previous: frozenset[Key],
        tombstoned: Callable[[Digest], bool],
    ) -> None:
        self._voices = voices
        self._blocking = blocking
        self._trusted = blocking if trusted is None else trusted
        self._k = k
        self._previous = previous
        self._tombstoned = tombstoned
        self.effective: Mapping[Key, Support] = dict(sorted(self._supports(), key=_place))
        """The effective digests by collection, in ascending order."""
        self.blocks: tuple[StandingBlock, ...] = blocking.show(sorted({key[0] for key in voices.adds}))
        """Every open block and what it does, for operators."""

    def explain(self, collection: int, digest: Digest) -> tuple[Why, ...]:
        """Every reason why a digest is not effective in a collection; none when it is."""
        key = (collection, digest)
        return () if key in self.effective else tuple(self._reasons(key))

    def support(self, collection: int, digest: Digest) -> Support:
        """The entries that count for a digest in a collection, whether or not they are enough."""
        return self._support((collection, digest))

    def is_withheld(self, collection: int, digest: Digest) -> bool:
        """Whether a block or a tombstone keeps a digest from being effective in a collection."""
        return self._is_withheld((collection, digest))

    def withheld(self, collection: int, digest: Digest) -> Iterator[Tombstoned | Blocked]:
        """Whatever keeps a digest from being effective in a collection, however many countries list it."""
        if self._tombstoned(digest):
            yield Tombstoned()
        blocks = (*self._blocking.applying(collection, digest), *self._trusted.applying(collection, digest))
        for block in dict.fromkeys((block.node, block.ref, block.kind) for block in blocks):
            yield Blocked(*block)

    def waiting(self) -> Iterator[Key]:
        """What would have more support if all lists were fresh, and enough: new ones with the word of a stale list.

        Whatever else is not blocked is as it would be with all lists fresh, and stays so while it is effective before.
        """
        for key, voices in self._voices.adds.items():
            is_waiting = key not in self._previous and not all(voice.fresh for voice in voices)
            if is_waiting and self._is_enough(_support(key, voices)) and not self._is_withheld(key):
                yield key

    def blocks_of(self, digest: Digest, collections: Sequence[int]) -> list[StandingBlock]:
        """The open blocks of a digest, with their standing in these collections."""
        return self._blocking.of(digest, collections)

    def discount(self, held: MemberListing, entry: Entry) -> Discount | None:
        """Why an active entry of one of the judged lists does not count; None when it does."""
        reason = self._voices.discount(held, entry)
        is_new = (entry.collection, entry.digest) not in self._previous
        return Discount.STALE if reason is None and is_new and not held.fresh else reason

    def _supports(self) -> Iterator[tuple[Key, Support]]:
        for key in self._voices.adds:
            support = self._support(key)
            if self._is_enough(support) and not self._is_withheld(key):
                yield key, support

    def _support(self, key: Key) -> Support:
        """The voices that count for a digest: new ones must come from fresh lists."""
        return _support(key, self._counting(key))

    def _counting(self, key: Key) -> list[Voice]:
        voices = self._voices.adds.get(key, [])
        return voices if key in self._previous else [voice for voice in voices if voice.fresh]

    def _is_enough(self, support: Support) -> bool:
        return len(support.countries) >= self._k or bool(support.authorities)

    def _is_withheld(self, key: Key) -> bool:
        digest = key[1]
        return (
            self._tombstoned(digest)
            or digest in self._blocking.blocked(key[0])
            or digest in self._trusted.blocked(key[0])
        )

    def _reasons(self, key: Key) -> Iterator[Why]:
        collection, digest = key
        yield from self.withheld(collection, digest)
        support = self._support(key)
        if self._is_enough(support):
            return
        yield TooFewCountries(len(support.countries), self._k)
        for node, entry, reason in self._voices.discounted(collection, digest):
            yield Discounted(node, entry.ref, reason)
        counting = self._counting(key)
        for voice in self._voices.adds.get(key, ()):
            if voice not in counting:
                yield Discounted(voice.member.node, voice.entry.ref, Discount.STALE)


def decide(
    listings: Sequence[MemberListing],
    members: Members,
    *,
    previous: frozenset[Key] = _NO_PREVIOUS,
    tombstoned: Callable[[Digest], bool] = _never,
    released: frozenset[EntryRef] = _NO_RELEASE,
    trusted: Sequence[MemberListing] | None = None,
) -> Decision:
    """Judge all held lists of all members.

    `trusted` are the lists without their overlays, where `listings` have any: what is blocked by them stays blocked.
    An overlay may end an entry that reaffirms against a block; that block must not take the place of another one.

    `previous` is the effective set before (collection and digest), `tombstoned` is this node's
    own, `released` are blocks of removed members that a second person released. Lists of removed members belong
    into `listings`: their adds have ended, their blocks have not.
    """
    origins = {held.listing.origin for held in listings}
    assert len(origins) == len(listings), "one list at two sizes"
    voices = Voices(listings, members)
    blocking = Blocking(listings, members, voices, previous=previous, released=released)
    return Decision(
        voices,
        blocking,
        trusted=None
        if trusted is None
        else Blocking(trusted, members, Voices(trusted, members), previous=previous, released=released),
        k=members.k,
        previous=previous,
        tombstoned=tombstoned,
    )


def _place(item: tuple[Key, Support]) -> tuple[int, int, bytes]:
    """In ascending order: as the key itself, whose comparison costs much more."""
    (collection, digest), _ = item
    return collection, digest.algorithm, digest.value


def _support(key: Key, voices: Sequence[Voice]) -> Support:
    """What these voices are worth."""
    countries: defaultdict[str, list[Entry]] = defaultdict(list)
    authorities: defaultdict[str, list[Entry]] = defaultdict(list)
    for voice in voices:
        if voice.member.country is not None:
            countries[voice.member.country].append(voice.entry)
        if key[0] in voice.member.authority_for:
            authorities[voice.member.node].append(voice.entry)
    return Support(
        collection=key[0], digest=key[1], countries=_ordered(countries), authorities=_ordered(authorities)
    )


def _ordered(entries: Mapping[str, list[Entry]]) -> Mapping[str, tuple[Entry, ...]]:
    return {
        name: tuple(sorted(of_name, key=lambda entry: (entry.origin, entry.index)))
        if len(of_name) > 1
        else tuple(of_name)
        for name, of_name in sorted(entries.items(), key=itemgetter(0))
    }
