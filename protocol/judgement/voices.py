"""Which adds of which lists count as a member's own word about a digest, and why the others do not.

A list speaks for the country that the members register gives its node, never for one it names itself. What was
signed with a revoked key, what a continued log says, what only relies on others and what is private has no voice.
How many voices are needed is `protocol.judgement.quorum`'s. Spec: docs/spec/quorum.md, "What counts".
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from keys.trust.members import Member, Members
from protocol.digest import Digest
from protocol.lists.event import PRIVATE_FROM
from protocol.lists.ext import Basis, EntryRef, Ext
from protocol.lists.listing import Entry, Listing


class Discount(StrEnum):
    """Why an active entry does not count."""

    RELIES_ON = "the agency relies on others"
    NO_BASIS = "no basis that counts"
    NO_CRITERIA = "no criteria version"
    PRIVATE = "the collection is private"
    NOT_A_MEMBER = "the agency is not in the members register"
    REVOKED_KEY = "signed between the two sizes of a revoked key"
    CONTINUED = "the list was continued in another log"
    STALE = "the list is stale, and the digest was not effective before"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberListing:
    """One list of one node, at the size that is held."""

    node: str
    listing: Listing
    fresh: bool
    """Whether the held checkpoint is young enough for additions."""
    revoked: tuple[range, ...] = ()
    """Indices from `last_good` to before `resumes` of each revoked log key."""

    def is_revoked(self, index: int) -> bool:
        """Whether an event was possibly signed by a thief."""
        return bool(self.revoked) and any(index in span for span in self.revoked)

    def ext(self, entry: Entry) -> Ext:
        """What an entry says, without amends that a thief may have signed."""
        return entry.ext_outside(self.revoked) if self.revoked else entry.ext


class Voice(NamedTuple):
    """A counting entry and who stands behind it."""

    member: Member
    entry: Entry
    fresh: bool


class Voices:
    """All counting entries, by what they say."""

    __slots__ = ("_continued", "_listings", "_register", "adds", "reaffirming")

    def __init__(self, listings: Sequence[MemberListing], members: Members) -> None:
        self._listings = listings
        self._register = {member.node: member for member in members.members}
        self._continued = frozenset(_continued(listings))
        self.adds: defaultdict[tuple[int, Digest], list[Voice]] = defaultdict(list)
        """By collection and digest."""
        self.reaffirming: defaultdict[EntryRef, list[Voice]] = defaultdict(list)
        """By the block they name."""
        for held in listings:
            self._listen(held)

    def member(self, node: str) -> Member | None:
        """The register's word on a node; None for a removed member."""
        return self._register.get(node)

    def discounted(self, collection: int, digest: Digest) -> Iterator[tuple[str, Entry, Discount]]:
        """Active entries of a digest that have no voice: node, entry, reason."""
        for held in self._listings:
            for entry in held.listing.entries.values():
                if entry.digest == digest and entry.collection == collection:
                    reason = self.discount(held, entry)
                    if reason is not None:
                        yield held.node, entry, reason

    def _listen(self, held: MemberListing) -> None:
        member = self._register.get(held.node)
        if member is None:
            return
        for entry in held.listing.entries.values():
            if self.discount(held, entry) is None:
                voice = Voice(member, entry, held.fresh)
                self.adds[entry.collection, entry.digest].append(voice)
                for ref in held.ext(entry).reaffirms:
                    self.reaffirming[ref].append(voice)

    def discount(self, held: MemberListing, entry: Entry) -> Discount | None:
        """Why an active entry of one of the lists has no voice; None when it has one."""
        if held.node not in self._register:
            return Discount.NOT_A_MEMBER
        if (held.node, held.listing.origin) in self._continued:
            return Discount.CONTINUED
        if held.is_revoked(entry.index):
            return Discount.REVOKED_KEY
        if entry.collection >= PRIVATE_FROM:
            return Discount.PRIVATE
        return _discount_of(held.ext(entry))


def _discount_of(ext: Ext) -> Discount | None:
    if ext.counts:
        return None
    if ext.basis == Basis.RELIES_ON:
        return Discount.RELIES_ON
    return Discount.NO_CRITERIA if ext.criteria is None else Discount.NO_BASIS


def _continued(listings: Sequence[MemberListing]) -> Iterator[tuple[str, str]]:
    """Node and origin of logs that the same node continued elsewhere: nobody can end another's log."""
    for held in listings:
        if held.listing.continues is not None and not held.is_revoked(0):
            yield held.node, held.listing.continues.origin
