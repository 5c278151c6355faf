"""Lists written event by event, and the registers that judge them; every digest is that of a made-up name."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256, shake_256
from itertools import count

from keys.trust.members import Member, Members
from protocol.digest import SIZES, Algorithm, Digest
from protocol.judgement.voices import MemberListing
from protocol.lists.event import BASELINE, SHRED, Event, Header, Op
from protocol.lists.ext import Basis, EntryRef, Ext, Predecessor, Reason
from protocol.lists.listing import Entry, Listing, fold
from protocol.lists.opening import Opening, commitment, origin_hash
from protocol.tlog.merkle import leaf_hash

ORIGIN = "agency.example/lists/main"
START_MS = 1_700_000_000_000
OWN = Ext(criteria=1, basis=Basis.OWN)
REVIEWED = Ext(criteria=1, basis=Basis.REVIEWED)
RELYING = Ext(criteria=1, basis=Basis.RELIES_ON, relies_on="export 7")

Item = tuple[int, bytes, bytes | None]


def digest(name: str, algorithm: Algorithm = Algorithm.SHA256) -> Digest:
    """A well-mixed value that belongs to no file."""
    return Digest(algorithm, shake_256(name.encode()).digest(SIZES[algorithm]))


class ListWriter:
    """One list in the making: each method appends an event and returns how others name it."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.events: list[bytes] = []
        self.openings: list[bytes | None] = []
        self._nonces = count()

    def put(self, header: Header, opening: Opening | bytes) -> EntryRef:
        """Append any event, right or wrong."""
        index = len(self.events)
        data = opening if isinstance(opening, bytes) else opening.to_bytes()
        event = Event(header, commitment(origin_hash(self.origin), header.to_bytes(), data)).to_bytes()
        self.events.append(event)
        self.openings.append(data)
        return EntryRef(self.origin, index, leaf_hash(event))

    def write(
        self,
        op: int,
        digest: Digest | None = None,
        ext: Ext | None = None,
        *,
        collection: int = BASELINE,
        algorithm: int = 0,
        flags: int = 0,
        ref: int = 0,
        time_ms: int | None = None,
    ) -> EntryRef:
        """Append an event of any op with matching commitment."""
        index = len(self.events)
        header = Header(
            op=op,
            collection=collection,
            algorithm=algorithm,
            flags=flags,
            time_ms=START_MS + index if time_ms is None else time_ms,
            ref=ref,
        )
        nonce = sha256(f"{self.origin} {next(self._nonces)}".encode()).digest()[:16]
        return self.put(header, Opening(nonce, digest, ext or Ext()))

    def add(self, digest: Digest, ext: Ext = OWN, *, collection: int = BASELINE) -> EntryRef:
        return self.write(Op.ADD, digest, ext, collection=collection)

    def withdraw(
        self,
        add: EntryRef,
        reason: int | None = Reason.OTHER,
        *,
        collection: int = BASELINE,
        shred: bool = False,
    ) -> EntryRef:
        flags = SHRED if shred else 0
        return self.write(
            Op.WITHDRAW, None, Ext(reason=reason), collection=collection, ref=add.index, flags=flags
        )

    def amend(self, add: EntryRef, ext: Ext, *, collection: int = BASELINE) -> EntryRef:
        return self.write(Op.AMEND, None, ext, collection=collection, ref=add.index)

    def dispute(self, digest: Digest, *, collection: int = BASELINE) -> EntryRef:
        return self.write(Op.DISPUTE, digest, Ext(reason=Reason.ERROR), collection=collection)

    def resolve(self, dispute: EntryRef, *, collection: int = BASELINE, shred: bool = False) -> EntryRef:
        return self.write(Op.RESOLVE, collection=collection, ref=dispute.index, flags=SHRED if shred else 0)

    def carry_on(self, predecessor: Predecessor) -> EntryRef:
        return self.write(Op.CONTINUE, None, Ext(continues=predecessor), collection=0)

    @property
    def items(self) -> list[Item]:
        return list(zip(range(len(self.events)), self.events, self.openings, strict=True))

    def listing(self) -> Listing:
        return fold(self.origin, self.items)


def register(*members: Member, k: int = 2, cap: int = 10) -> Members:
    """A register of these members."""
    return Members(version=1, k=k, block_cap=cap, members=members)


def member(node: str, country: str | None, authority_for: Sequence[int] = ()) -> Member:
    """A member whose root hash follows from its name."""
    return Member(
        node=node,
        root_sha256=sha256(node.encode()).digest(),
        country=country,
        authority_for=frozenset(authority_for),
    )


def held(
    node: str, writer: ListWriter, *, fresh: bool = True, revoked: Sequence[range] = ()
) -> MemberListing:
    """A writer's list as a node holds it."""
    return MemberListing(node=node, listing=writer.listing(), fresh=fresh, revoked=tuple(revoked))


def restrict(listings: Sequence[MemberListing], digests: frozenset[Digest]) -> tuple[MemberListing, ...]:
    """The lists without the entries that have no bearing on `digests`: `decide` says the same of these digests.

    What stays: every block, the entries of `digests` and of blocked digests, of which some may overrule a block, and in
    a list that continues a log the entries that take a block of that log back, whatever their digest.
    """
    judged = digests | {block.digest for held in listings for block in held.listing.blocks}
    return tuple(_restricted(held, judged) for held in listings)


def _restricted(held: MemberListing, judged: frozenset[Digest]) -> MemberListing:
    kept = {entry.index: entry for entry in _bearing(held.listing, judged)}
    return replace(held, listing=replace(held.listing, entries=kept))


def _bearing(listing: Listing, judged: frozenset[Digest]) -> Iterator[Entry]:
    for entry in listing.entries.values():
        if entry.digest in judged or _takes_back(listing, entry):
            yield entry


def _takes_back(listing: Listing, entry: Entry) -> bool:
    """Whether an entry names an event of the log that its list continues, in whichever of its versions."""
    if listing.continues is None:
        return False
    said = (entry.ext, *(ext for _, ext in entry.versions))
    return any(ref.origin == listing.continues.origin for ext in said for ref in ext.reaffirms)
