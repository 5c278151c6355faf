"""Events of one list, folded into what the list says now: active entries, blocks, endings.

The fold takes events that kept the rules and openings that match (`protocol.lists.bundle`); it decides nothing about
other lists. It keeps the index of whatever changed an entry or ended a block, so that the quorum can leave out what
was signed with a stolen key without folding again. Without an opening a withdrawal still ends its entry, but says
nothing about other lists. Spec: docs/spec/event.md, "What a list says".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self, assert_never

from protocol.digest import Digest
from protocol.errors import MalformedError, OpeningError
from protocol.limits import HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.ext import EntryRef, Ext, Predecessor, Reason
from protocol.lists.opening import Opening, check_opening, readable
from protocol.tlog.merkle import leaf_hash

_NO_EXT: Final = Ext()
_OVERLAID: Final = frozenset({Op.WITHDRAW, Op.DISPUTE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An active add: one agency's statement about a digest in one collection."""

    origin: str
    index: int
    leaf_hash: bytes
    digest: Digest
    collection: int
    time_ms: int
    ext: Ext
    """As the last amend left it."""
    versions: tuple[tuple[int, Ext], ...] = ()
    """Index and ext of the add and of each amend, for an entry that was amended."""

    @property
    def ref(self) -> EntryRef:
        """How other lists name this entry."""
        return EntryRef(self.origin, self.index, self.leaf_hash)

    def ext_outside(self, spans: Sequence[range]) -> Ext:
        """The ext without the amends whose index lies in one of `spans`."""
        for index, ext in reversed(self.versions[1:]):
            if not any(index in span for span in spans):
                return ext
        return self.versions[0][1] if self.versions else self.ext


class BlockKind(StrEnum):
    """What blocks a digest in every list."""

    ERROR = "error"
    """A withdrawal for the reason *error*."""
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A list's objection to a digest, in all collections and all lists."""

    origin: str
    index: int
    leaf_hash: bytes
    digest: Digest
    kind: BlockKind
    ended_by: tuple[int, ...] = ()
    """Indices of the resolves of a dispute."""

    @property
    def ref(self) -> EntryRef:
        """How a reaffirming entry names this block."""
        return EntryRef(self.origin, self.index, self.leaf_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one list says at one size, as far as its openings are held."""

    origin: str
    size: int
    entries: Mapping[int, Entry]
    """Active entries by index."""
    blocks: tuple[Block, ...] = ()
    """By index, resolved ones included."""
    withdrawn: Mapping[int, Digest | None]
    """Adds that were ended, with their digest where its opening is held."""
    shredded: frozenset[int] = frozenset()
    """Adds and disputes whose openings are to be deleted."""
    continues: Predecessor | None = None
    unknown: tuple[int, ...] = ()
    """Events that this version does not apply, for the operator."""


class ListingBuilder:
    """A listing in the making: takes the events of one list in order."""

    __slots__ = (
        "_blocks",
        "_continues",
        "_entries",
        "_origin",
        "_shredded",
        "_size",
        "_unknown",
        "_withdrawn",
    )

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._size = 0
        self._entries: dict[int, Entry] = {}
        self._blocks: dict[int, Block] = {}
        self._withdrawn: dict[int, Digest | None] = {}
        self._shredded: set[int] = set()
        self._continues: Predecessor | None = None
        self._unknown: list[int] = []

    @classmethod
    def resume(cls, listing: Listing) -> Self:
        """A builder that has folded what `listing` says."""
        builder = cls(listing.origin)
        builder._size = listing.size
        builder._entries.update(listing.entries)
        builder._blocks.update((block.index, block) for block in listing.blocks)
        builder._withdrawn.update(listing.withdrawn)
        builder._shredded.update(listing.shredded)
        builder._continues = listing.continues
        builder._unknown.extend(listing.unknown)
        return builder

    def build(self) -> Listing:
        """The listing so far; the builder may go on."""
        return Listing(
            origin=self._origin,
            size=self._size,
            entries=dict(self._entries),
            blocks=tuple(self._blocks.values()),
            withdrawn=dict(self._withdrawn),
            shredded=frozenset(self._shredded),
            continues=self._continues,
            unknown=tuple(self._unknown),
        )

    def apply(self, index: int, event: bytes, opening: bytes | None) -> None:
        """Fold one verified event in; indices ascend, and may leave out events of other collections.

        Raises:
            OpeningError: an opening that nobody verified before.
        """
        assert index >= self._size, "events are folded in order"
        self._size = index + 1
        header = Header.from_bytes(event[:HEADER_BYTES])
        if not header.known:
            self._unknown.append(index)
            return
        change = _Change(index, event, header, self._open(index, header, opening))
        match Op(header.op):
            case Op.ADD:
                self._add(change)
            case Op.WITHDRAW:
                self._withdraw(change)
            case Op.AMEND:
                self._amend(change)
            case Op.DISPUTE:
                self._dispute(change)
            case Op.RESOLVE:
                self._resolve(change)
            case Op.CONTINUE:
                self._continues = change.ext.continues
            case _ as op:
                assert_never(op)

    def _open(self, index: int, header: Header, data: bytes | None) -> Opening | None:
        if data is None:
            return None
        if not readable(header, data):
            self._unknown.append(index)
            return None
        try:
            opening = Opening.from_bytes(data)
            check_opening(header, opening)
        except MalformedError as exc:
            raise OpeningError(index, exc.message) from None
        return opening

    def _add(self, change: "_Change") -> None:
        if change.opening is None or change.opening.digest is None:
            return
        self._entries[change.index] = Entry(
            origin=self._origin,
            index=change.index,
            leaf_hash=leaf_hash(change.event),
            digest=change.opening.digest,
            collection=change.header.collection,
            time_ms=change.header.time_ms,
            ext=change.opening.ext,
        )

    def _withdraw(self, change: "_Change") -> None:
        ref = change.header.ref
        entry = self._entries.pop(ref, None)
        digest = entry.digest if entry is not None else self._withdrawn.get(ref)
        self._withdrawn[ref] = digest
        self._note_shredding(change.header)
        if digest is not None and change.ext.reason == Reason.ERROR:
            self._block(change, digest, BlockKind.ERROR)

    def _amend(self, change: "_Change") -> None:
        entry = self._entries.get(change.header.ref)
        if entry is None:
            return
        # Whole but for the content id. An amend that cannot be read leaves an entry that does not count.
        ext = replace(change.ext, content_id=entry.ext.content_id)
        versions = (*(entry.versions or ((entry.index, entry.ext),)), (change.index, ext))
        self._entries[entry.index] = replace(entry, ext=ext, versions=versions)

    def _dispute(self, change: "_Change") -> None:
        if change.opening is not None and change.opening.digest is not None:
            self._block(change, change.opening.digest, BlockKind.DISPUTE)

    def _resolve(self, change: "_Change") -> None:
        self._note_shredding(change.header)
        block = self._blocks.get(change.header.ref)
        if block is not None:
            self._blocks[block.index] = replace(block, ended_by=(*block.ended_by, change.index))

    def _block(self, change: "_Change", digest: Digest, kind: BlockKind) -> None:
        self._blocks[change.index] = Block(
            origin=self._origin,
            index=change.index,
            leaf_hash=leaf_hash(change.event),
            digest=digest,
            kind=kind,
        )

    def _note_shredding(self, header: Header) -> None:
        if header.shreds:
            self._shredded.add(header.ref)


@dataclass(frozen=True, slots=True)
class _Change:
    index: int
    event: bytes
    header: Header
    opening: Opening | None

    @property
    def ext(self) -> Ext:
        return _NO_EXT if self.opening is None else self.opening.ext


def fold(origin: str, items: Iterable[tuple[int, bytes, bytes | None]]) -> Listing:
    """What the list `origin` says after `items`: index, 56-byte event and opening, in order.

    Raises:
        OpeningError: an opening that nobody verified before.
    """
    builder = ListingBuilder(origin)
    for index, event, opening in items:
        builder.apply(index, event, opening)
    return builder.build()


def overlay(listing: Listing, items: Iterable[tuple[int, bytes, bytes | None]]) -> Listing:
    """The listing with the withdrawals and disputes of a signed head that is not cosigned yet.

    Nothing else of such a head applies, and the size stays the trusted one; a removal must not wait for witnesses.

    Raises:
        OpeningError: an opening that nobody verified before.
    """
    builder = ListingBuilder.resume(listing)
    for index, event, opening in items:
        if Header.from_bytes(event[:HEADER_BYTES]).op in _OVERLAID:
            builder.apply(index, event, opening)
    return replace(builder.build(), size=listing.size)
