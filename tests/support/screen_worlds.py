"""Random federations in which some nodes lie about which digests are of one file.

Files have true digests; honest nodes list some of them, in whole rows or apart; liars give one content id to digests of
different files, as often as they like and on whatever basis. What is effective although the liars keep silent is what
honest nodes alone could have released: every holder of such a file must be led to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final

from keys.trust.members import Member, Members
from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import Support, decide
from protocol.judgement.voices import MemberListing
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis, Ext
from protocol.lists.listing import Entry, Listing
from support.lists import digest, member, register

COLLECTIONS: Final = (BASELINE, NATIONAL)
KINDS: Final = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)
_BASES: Final = (Basis.OWN, Basis.OWN, Basis.REVIEWED, Basis.RELIES_ON)


@dataclass(frozen=True, slots=True)
class Row:
    """What a list says of one file: digests under one content id, or under none."""

    digests: tuple[Digest, ...]
    collections: tuple[int, ...]
    basis: Basis
    linked: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """Lists, the register that judges them, and who lies."""

    members: Members
    listings: tuple[MemberListing, ...]
    liars: frozenset[str]
    files: Mapping[Digest, int]
    """By true digest, the number of its file."""

    def supports(self, *, without: frozenset[str] = frozenset()) -> dict[Digest, list[Support]]:
        """Of each digest that is effective without these nodes."""
        listings = [held for held in self.listings if held.node not in without]
        found: dict[Digest, list[Support]] = {}
        for (_, each), support in decide(listings, self.members).effective.items():
            found.setdefault(each, []).append(support)
        return found

    def hidden(self, screened: frozenset[Digest]) -> list[Digest]:
        """What is effective without the liars, and of whose file no true digest is screened."""
        found = {self.files[each] for each in screened}
        return [each for each in self.supports(without=self.liars) if self.files[each] not in found]


def world(seed: int) -> World:
    """The world of this number."""
    random = Random(seed)
    members = _members(random)
    names = [each.node for each in members.members]
    liars = frozenset(random.sample(names, random.randint(0, max(1, len(names) // 2))))
    files = [[digest(f"{number}", kind) for kind in KINDS] for number in range(random.randint(1, 4))]
    listings = [
        listing_of(name, list(_lies(random, files) if name in liars else _truths(random, files)))
        for name in names
    ]
    return World(
        members=members,
        listings=tuple(listings),
        liars=liars,
        files={each: number for number, digests in enumerate(files) for each in digests},
    )


def listing_of(node: str, rows: Sequence[Row], *, revoked: Sequence[range] = ()) -> MemberListing:
    """A list that says this."""
    origin, indices, entries = f"{node}/lists/main", count(), {}
    for number, row in enumerate(rows):
        ext = Ext(
            criteria=1,
            basis=row.basis,
            relies_on="export" if row.basis is Basis.RELIES_ON else None,
            content_id=number.to_bytes(16, "big") if row.linked else None,
        )
        for each in row.digests:
            for collection in row.collections:
                index = next(indices)
                entries[index] = Entry(
                    origin=origin,
                    index=index,
                    leaf_hash=bytes(32),
                    digest=each,
                    collection=collection,
                    time_ms=0,
                    ext=ext,
                )
    listing = Listing(origin=origin, size=len(entries), entries=entries, withdrawn={})
    return MemberListing(node=node, listing=listing, fresh=True, revoked=tuple(revoked))


def _members(random: Random) -> Members:
    countries = ["FR", "NL", "BE", "DE", "FR", None]
    members: list[Member] = [
        member(
            f"n{number}.example",
            random.choice(countries),
            authority_for=[each for each in COLLECTIONS if random.random() < 0.15],
        )
        for number in range(random.randint(2, 6))
    ]
    return register(*members, k=random.randint(1, 4))


def _collections(random: Random) -> tuple[int, ...]:
    return random.choice([(BASELINE,), (NATIONAL,), COLLECTIONS])


def _truths(random: Random, files: Sequence[Sequence[Digest]]) -> Iterator[Row]:
    for file in files:
        if random.random() < 0.8:
            known = tuple(random.sample(file, random.randint(1, 3)))
            apart = random.random() < 0.2
            for digests in [(each,) for each in known] if apart else [known]:
                yield Row(digests, _collections(random), random.choice(_BASES), random.random() < 0.9)


def _lies(random: Random, files: Sequence[Sequence[Digest]]) -> Iterator[Row]:
    everything = [each for file in files for each in file]
    for _ in range(random.randint(1, 5)):
        digests = tuple(random.sample(everything, random.randint(1, min(3, len(everything)))))
        yield Row(digests, _collections(random), random.choice(_BASES))
