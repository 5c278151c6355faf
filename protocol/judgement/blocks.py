"""Which blocks apply: a list's word against a digest, everywhere, until it is taken back or overruled.

A list blocks a digest once, however many events say so. Its lowest open blocks apply up to the register's cap, so
that no list alone can empty what partners get; the rest are shown to operators. k other countries or an authority
overrule a block by naming it in a counting entry of that digest. Spec: docs/spec/quorum.md, "Blocks".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from keys.trust.members import Members
from protocol.digest import Digest
from protocol.judgement.voices import MemberListing, Voice, Voices
from protocol.lists.event import NO_COLLECTION
from protocol.lists.ext import EntryRef
from protocol.lists.listing import Block, BlockKind

_ANYWHERE: Final = NO_COLLECTION
"""A collection of no authority: where a block stands unless a collection makes a difference."""


class Standing(StrEnum):
    """What an open block does."""

    APPLIES = "applies"
    OVER_CAP = "over the cap of its list"
    LIFTED = "overruled by other members"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingBlock:
    """One list's open block of one digest: what operators see."""

    node: str
    digest: Digest
    kind: BlockKind
    refs: tuple[EntryRef, ...]
    """The events that say so, by index; naming one of them overrules all."""
    standing: Standing
    """Where no collection makes a difference."""
    elsewhere: tuple[tuple[int, Standing], ...] = ()
    """Collections with another standing: an authority overruled this block or one before it there, or freshness
    was not asked for."""

    @property
    def ref(self) -> EntryRef:
        """The block's lowest event."""
        return self.refs[0]

    def standing_in(self, collection: int) -> Standing:
        """What the block does in a collection."""
        return dict(self.elsewhere).get(collection, self.standing)


class Blocking:
    """The open blocks of all lists and what each does in a collection."""

    __slots__ = ("_blocked", "_cap", "_groups", "_k", "_previous", "_standings", "_voices")

    def __init__(
        self,
        listings: Sequence[MemberListing],
        members: Members,
        voices: Voices,
        *,
        previous: frozenset[tuple[int, Digest]],
        released: frozenset[EntryRef],
    ) -> None:
        self._voices = voices
        self._previous = previous
        self._k = members.k
        self._cap = members.block_cap
        self._groups = list(_groups(listings, voices, released))
        self._standings: dict[int, list[Standing]] = {}
        self._blocked: dict[int, frozenset[Digest]] = {}

    def applying(self, collection: int, digest: Digest) -> list[StandingBlock]:
        """The blocks of a digest that apply in a collection."""
        return [
            self._show(at, group, ())
            for at, group in enumerate(self._groups)
            if group.digest == digest and self._standing(collection)[at] is Standing.APPLIES
        ]

    def of(self, digest: Digest, collections: Sequence[int]) -> list[StandingBlock]:
        """The open blocks of a digest, as `show` shows them."""
        return [
            self._show(at, group, collections)
            for at, group in enumerate(self._groups)
            if group.digest == digest
        ]

    def blocked(self, collection: int) -> frozenset[Digest]:
        """The digests that may not be effective in a collection."""
        blocked = self._blocked.get(collection)
        if blocked is None:
            rows = zip(self._groups, self._standing(collection), strict=True)
            applying = (group.digest for group, standing in rows if standing is Standing.APPLIES)
            blocked = self._blocked[collection] = frozenset(applying)
        return blocked

    def show(self, collections: Sequence[int]) -> tuple[StandingBlock, ...]:
        """Every open block with its standing in general and, where it differs, in `collections`."""
        return tuple(self._show(at, group, collections) for at, group in enumerate(self._groups))

    def _show(self, at: int, group: "_Group", collections: Sequence[int]) -> StandingBlock:
        standing = self._standing(_ANYWHERE)[at]
        local = ((collection, self._standing(collection)[at]) for collection in collections)
        return StandingBlock(
            node=group.node,
            digest=group.digest,
            kind=group.kind,
            refs=group.refs,
            standing=standing,
            elsewhere=tuple(item for item in local if item[1] is not standing),
        )

    def _standing(self, collection: int) -> list[Standing]:
        """Standing of each group; groups are ordered by list and lowest index."""
        known = self._standings.get(collection)
        if known is None:
            known = self._standings[collection] = list(self._judge(collection))
        return known

    def _judge(self, collection: int) -> Iterator[Standing]:
        for _, groups in groupby(self._groups, key=lambda group: group.refs[0].origin):
            room = self._cap
            for group in groups:
                if self._is_lifted(group, collection):
                    yield Standing.LIFTED
                elif room:
                    room -= 1
                    yield Standing.APPLIES
                else:
                    yield Standing.OVER_CAP

    def _is_lifted(self, group: "_Group", collection: int) -> bool:
        asks_fresh = (collection, group.digest) not in self._previous
        voices = [voice for voice in self._overruling(group) if voice.fresh or not asks_fresh]
        countries = {voice.member.country for voice in voices} - {None, group.country}
        return len(countries) >= self._k or any(collection in voice.member.authority_for for voice in voices)

    def _overruling(self, group: "_Group") -> Iterator[Voice]:
        """Counting entries of the same digest, of other members, that name the block."""
        for ref in group.refs:
            for voice in self._voices.reaffirming.get(ref, ()):
                if voice.entry.digest == group.digest and voice.member.node != group.node:
                    yield voice


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The open blocks of one digest in one list: they are one block."""

    node: str
    country: str | None
    digest: Digest
    kind: BlockKind
    refs: tuple[EntryRef, ...]


def _groups(
    listings: Sequence[MemberListing], voices: Voices, released: frozenset[EntryRef]
) -> Iterator[_Group]:
    taken_back = frozenset(_taken_back(listings))
    for held in sorted(listings, key=lambda held: held.listing.origin):
        member = voices.member(held.node)
        gone = released if member is None else frozenset()
        by_digest: dict[Digest, list[Block]] = {}
        for block in sorted(held.listing.blocks, key=lambda block: block.index):
            if block.ref in gone or (held.node, block.ref) in taken_back:
                continue
            if _is_open(held, block):
                by_digest.setdefault(block.digest, []).append(block)
        for digest, blocks in by_digest.items():
            yield _Group(
                node=held.node,
                country=None if member is None else member.country,
                digest=digest,
                kind=blocks[0].kind,
                refs=tuple(block.ref for block in blocks),
            )


def _is_open(held: MemberListing, block: Block) -> bool:
    """Whether the list itself still objects; what a thief signed neither blocks nor ends a block."""
    return not held.is_revoked(block.index) and all(map(held.is_revoked, block.ended_by))


def _taken_back(listings: Sequence[MemberListing]) -> Iterator[tuple[str, EntryRef]]:
    """Blocks of a continued log that an entry of the log that continues it names, with their node."""
    for held in listings:
        if held.listing.continues is None:
            continue
        for entry in held.listing.entries.values():
            if not held.is_revoked(entry.index):
                for ref in held.ext(entry).reaffirms:
                    if ref.origin == held.listing.continues.origin:
                        yield held.node, ref
