"""A peer that lies with its own, valid keys, and every way it does so.

`ListPeer` serves one list from memory under the identity of a founded node: honestly, until an attack changes what it
serves. `ATTACKS` names each attack, how the peer prepares it, and the error in which it must end when its follower
holds the first `cursor` events, some hundred, of an honest history that has grown since.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from keys.errors import MalformedTrustError, NotCurrentError, ThresholdError
from keys.key import LogPrivateKey
from keys.trust.members import sign_members
from keys.trust.node_document import sign_node_document
from keys.trust.node_parts import FinalCheckpoint, LogStatus
from keys.trust.window import Window
from node.errors import NotFoundError, PeerUnreachableError, VerificationError
from node.trust.service import ServedTrust
from protocol.errors import (
    EventRuleError,
    ForkError,
    MalformedError,
    NotCanonicalError,
    OpeningError,
    OverlapError,
    ProtocolError,
    RollbackError,
    RootMismatchError,
    TooLargeError,
    UntrustedError,
    WrongOriginError,
)
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.lists.event import BASELINE, NATIONAL, Header, Op
from protocol.lists.ext import Ext, Reason
from protocol.lists.grant import NOTHING, Grant
from protocol.lists.opening import Opening, commitment, origin_hash
from protocol.pull.machine import GetBundle
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.tiles import cut_bundle
from support.federation import Agency, FoundedNode
from support.lists import ListWriter, digest
from support.new_stores import MemoryObjects
from support.pulling import ALL, Answer, Served, rows_of, with_row
from support.times import SettableClock
from support.tuf_serving import ListsAnything

SECRET = frozenset({BASELINE})
"""What the peer grants; its list has entries of another collection, too."""

Lie = Callable[[bytes, bytes], Answer]
"""What becomes of the honest entries and openings of a bundle."""


def truthful(entries: bytes, openings: bytes) -> Answer:
    """Change nothing."""
    return entries, openings


class ListPeer:
    """A founded node with one list in memory (`protocol.api.PeerApi`)."""

    def __init__(self, name: str, clock: SettableClock) -> None:
        self.identity = FoundedNode(name, "NL", clock)
        self.key = LogPrivateKey.from_seed(b"p" * 32)
        self.identity.announce(self.identity.origin, self.key)
        self.identity.trust.revise_members(lambda old: old, signers=self.identity.signers)
        self.served = Served(ListWriter(self.identity.origin), self.key)
        self.cursor = 0
        """How many events the follower holds, as far as the peer knows."""
        self.granted_collections = SECRET
        self.note: bytes | None = None
        """Served instead of the honest head."""
        self.lie: Lie = truthful
        self.says_unchanged = False
        self.unreachable = False
        self.files = self.identity.files
        self.repository = ListsAnything(self.identity)
        self.calls: list[str] = []

    @property
    def writer(self) -> ListWriter:
        return self.served.writer

    @property
    def origin(self) -> str:
        return self.identity.origin

    def grow(self, size: int) -> None:
        """Append honest entries: every seventh in a collection that is not granted."""
        for number in range(len(self.writer.events), size):
            self.writer.add(digest(f"file {number}"), collection=NATIONAL if number % 7 == 6 else BASELINE)

    def history(self, size: int | None = None) -> ListWriter:
        """A copy of the first events (default: of all), for another continuation."""
        copy = ListWriter(self.origin)
        copy.events, copy.openings = self.writer.events[:size], self.writer.openings[:size]
        return copy

    def show(self, writer: ListWriter) -> None:
        """Serve another history, signed like the honest one."""
        self.served = Served(writer, self.key)

    def show_files(self, **changed: bytes) -> None:
        """Serve other trust files."""
        files = MemoryObjects()
        files.data = {**self.identity.files.data, **{f"{name}.json": data for name, data in changed.items()}}
        self.files = files

    def honest_again(self, writer: ListWriter) -> None:
        """Stop lying."""
        self.show(writer)
        self.note, self.lie, self.says_unchanged, self.unreachable = None, truthful, False, False
        self.granted_collections, self.files = SECRET, self.identity.files

    async def granted(self) -> Grant:
        return Grant(collections=self.granted_collections)

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        del held, max_bytes
        return self._answer("metadata", self.repository.metadata(self.files, name))

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        del max_bytes
        what = "node_document" if name.endswith("node.json") else "members"
        return self._answer(what, self.repository.target(name))

    async def root(self) -> bytes:
        return self._answer("root", self.files.get("1.root.json"))

    async def revoked(self, sha256: bytes) -> bytes:
        return self._answer("revoked", await ServedTrust(self.files).revoked(sha256))

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        del version
        raise NotFoundError(f"this peer relays nothing of {node}")

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        raise NotFoundError(f"this peer relays nothing of {node}, {len(held)} bytes are held")

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        note = self._answer("checkpoint", self.served.note() if self.note is None else self.note)
        return None if note == held or self.says_unchanged else note

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        raise NotFoundError("this peer has no tiles")

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        return self._answer("entries", self._bundle(origin, index, width, first)[0])

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        openings = self._bundle(origin, index, width, first)[1]
        assert openings is not None
        return self._answer("openings", openings)

    def _bundle(self, origin: str, index: int, width: int, first: int) -> Answer:
        request = GetBundle(origin, index, width, openings=True)
        entries, openings = self.served.bundle(request, granted=SECRET)
        assert openings is not None
        return self.lie(cut_bundle(entries, width, first), cut_bundle(openings, width, first))

    def _answer(self, what: str, data: bytes) -> bytes:
        self.calls.append(what)
        if self.unreachable:
            raise PeerUnreachableError("no answer")
        return data


@dataclass(frozen=True, slots=True)
class Attack:
    """What a peer does, and how its follower must refuse it."""

    prepare: Callable[[ListPeer], None]
    error: type[Exception]
    whole: bool = False
    """Whether it concerns the peer, not one list."""
    suspends: bool = False
    """Whether an operator has to look before the list is followed again."""


def _note(change: Callable[[bytes], bytes]) -> Callable[[ListPeer], None]:
    def prepare(peer: ListPeer) -> None:
        peer.note = change(peer.served.note())

    return prepare


def _claims(change: Callable[[bytes], bytes]) -> Callable[[ListPeer], None]:
    """Write the size in the signed head otherwise."""

    def prepare(peer: ListPeer) -> None:
        size = b"%d" % peer.served.size
        peer.note = peer.served.note().replace(b"\n" + size + b"\n", b"\n" + change(size) + b"\n")

    return prepare


def _lies(lie: Lie) -> Callable[[ListPeer], None]:
    def prepare(peer: ListPeer) -> None:
        peer.lie = lie

    return prepare


def _breaks(append: Callable[[ListWriter], object]) -> Callable[[ListPeer], None]:
    """Sign an event that breaks the rules, behind honest ones."""

    def prepare(peer: ListPeer) -> None:
        writer = peer.history()
        append(writer)
        peer.show(writer)

    return prepare


def _forks(*, back: int, to_cursor: bool = False) -> Callable[[ListPeer], None]:
    """Sign another history that leaves the honest one `back` events before the cursor."""

    def prepare(peer: ListPeer) -> None:
        writer = peer.history(max(peer.cursor - back, 0))
        size = peer.cursor if to_cursor else len(peer.writer.events)
        for number in range(len(writer.events), size):
            writer.add(digest(f"forked {number}"))
        peer.show(writer)

    return prepare


def _rewrites_an_early_event(peer: ListPeer) -> None:
    at = peer.cursor // 4
    writer, other = peer.history(), peer.history(at)
    other.add(digest("rewritten"))
    writer.events[at], writer.openings[at] = other.events[-1], other.openings[-1]
    peer.show(writer)


def _rolls_back(peer: ListPeer) -> None:
    peer.note = peer.served.note(peer.cursor // 2)


def _shows_another_list(peer: ListPeer) -> None:
    other = f"{peer.identity.name}/lists/other"
    peer.note = sign_checkpoint(Checkpoint(other, peer.served.size, peer.served.tree().root()), [peer.key])


def _signs_with_another_key(peer: ListPeer) -> None:
    stranger = LogPrivateKey.from_seed(b"s" * 32)
    peer.note = Served(peer.writer, stranger).note()


def _flip(data: bytes, at: int) -> bytes:
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _swap(entries: bytes, openings: bytes) -> Answer:
    rows = rows_of(openings)
    first, last = ([at for at, row in enumerate(rows) if row] * 2)[-2:]
    if first == last:  # only one was asked for: it gets one that belongs nowhere
        return entries, with_row(openings, last, _flip(rows[last], -1))
    return entries, with_row(with_row(openings, first, rows[last]), last, rows[first])


def _withhold(entries: bytes, openings: bytes) -> Answer:
    last = max(at for at, row in enumerate(rows_of(openings)) if row)
    return entries, with_row(openings, last, b"")


def _grants_less_than_it_opens(peer: ListPeer) -> None:
    peer.granted_collections = frozenset({NATIONAL})


def _grants_more_than_it_opens(peer: ListPeer) -> None:
    peer.granted_collections = ALL


def _reserved_bits(writer: ListWriter) -> None:
    header = bytearray(Header(op=Op.ADD, collection=BASELINE, time_ms=_last_ms(writer)).to_bytes())
    header[7] = 1
    opening = Opening(b"n" * 16, digest("reserved"), Ext(criteria=1)).to_bytes()
    event = bytes(header) + commitment(origin_hash(writer.origin), bytes(header), opening)
    writer.events.append(event)
    writer.openings.append(opening)


def _amends_a_withdraw(writer: ListWriter) -> None:
    ended = writer.write(Op.WITHDRAW, None, Ext(reason=Reason.OTHER), ref=1)
    writer.amend(ended, Ext(criteria=2))


def _refers_ahead(writer: ListWriter) -> None:
    writer.write(Op.WITHDRAW, None, Ext(reason=Reason.OTHER), ref=len(writer.events) + 1)


def _last_ms(writer: ListWriter) -> int:
    return Header.from_bytes(writer.events[-1][:24]).time_ms


def _write(
    op: Op, *, ref: int = 1, collection: int = BASELINE, earlier_ms: int = 0
) -> Callable[[ListWriter], object]:
    ext = Ext(reason=Reason.OTHER) if op in {Op.WITHDRAW, Op.RESOLVE} else Ext(criteria=1)
    value = digest("written") if op in {Op.ADD, Op.DISPUTE} else None

    def write(writer: ListWriter) -> object:
        time_ms = _last_ms(writer) - earlier_ms
        return writer.write(op, value, ext, ref=ref, collection=collection, time_ms=time_ms)

    return write


def _dated_ahead(peer: ListPeer) -> None:
    writer = peer.history()
    now_ms = int(peer.identity.clock.now().timestamp() * 1000)
    writer.write(Op.ADD, digest("tomorrow"), Ext(criteria=1), time_ms=now_ms + MAX_CLOCK_SKEW_MS + 1)
    peer.show(writer)


def _closes_before(peer: ListPeer) -> None:
    before = peer.served.tree(peer.served.size - 1)
    end = FinalCheckpoint(before.size, before.root())
    peer.identity.revise(
        lambda old: replace(old, logs=(replace(old.logs[-1], status=LogStatus.CLOSED, final_checkpoint=end),))
    )


def _old_document(peer: ListPeer) -> None:
    document = peer.identity.trust.document()
    old = replace(document, serial=document.serial - 1)
    peer.show_files(node=sign_node_document(old, peer.identity.signers))


def _second_document(peer: ListPeer) -> None:
    document = replace(peer.identity.trust.document(), subsets=(), logs=())
    peer.show_files(node=sign_node_document(document, peer.identity.signers))


def _ended_document(peer: ListPeer) -> None:
    document = peer.identity.trust.document()
    start = document.valid.start - timedelta(days=10)
    ended = replace(document, serial=document.serial + 1, valid=Window(start, start + timedelta(days=1)))
    peer.show_files(node=sign_node_document(ended, peer.identity.signers))


def _document_of_a_stranger(peer: ListPeer) -> None:
    document = replace(peer.identity.trust.document(), serial=9)
    stranger = FoundedNode(peer.identity.name, "NL", peer.identity.clock)
    peer.show_files(node=sign_node_document(document, stranger.signers))


def _old_members(peer: ListPeer) -> None:
    members = replace(peer.identity.trust.members(), version=1)
    peer.show_files(members=sign_members(members, peer.identity.signers))


def _be_unreachable(peer: ListPeer) -> None:
    peer.unreachable = True


ATTACKS: dict[str, Attack] = {
    # the head
    "forks at the held size": Attack(_forks(back=50, to_cursor=True), ForkError, suspends=True),
    "rolls back": Attack(_rolls_back, RollbackError),
    "shows another list": Attack(_shows_another_list, WrongOriginError),
    "signs with a key nobody named": Attack(_signs_with_another_key, UntrustedError),
    "alters a signed head": Attack(_claims(lambda size: b"1" + size), UntrustedError),
    "flips a bit of the signature": Attack(_note(lambda note: _flip(note, -20)), ProtocolError),
    "writes numbers in two ways": Attack(_claims(lambda size: b"0" + size), NotCanonicalError),
    "sends no note": Attack(_note(lambda _: b"<html>"), MalformedError),
    "sends a note without end": Attack(_note(lambda note: note + b"x" * 100_000), TooLargeError),
    # the history
    "forks before the cursor": Attack(_forks(back=225), OverlapError),
    "rewrites what is long held": Attack(_rewrites_an_early_event, RootMismatchError),
    "rewrites what is held of a bundle": Attack(_forks(back=1), OverlapError),
    "goes on after its end": Attack(_closes_before, RootMismatchError),
    # bundles
    "sends nothing": Attack(_lies(lambda _e, _o: (b"", b"")), MalformedError),
    "sends fewer entries": Attack(_lies(lambda e, o: (e[:-58], o)), MalformedError),
    "sends more entries": Attack(_lies(lambda e, o: (e + e[:58], o)), TooLargeError),
    "sends entries without end": Attack(_lies(lambda e, o: (e * 100, o)), TooLargeError),
    "sends longer entries": Attack(_lies(lambda e, o: (with_row(e, 1, bytes(57)), o)), TooLargeError),
    "flips a bit of an entry": Attack(_lies(lambda e, o: (_flip(e, -1), o)), ProtocolError),
    "sends openings without end": Attack(_lies(lambda e, o: (e, o * 1000)), TooLargeError),
    "cuts openings": Attack(_lies(lambda e, o: (e, o[:-1])), MalformedError),
    "withholds an opening": Attack(_lies(_withhold), OpeningError),
    "withholds all openings": Attack(_lies(lambda e, o: (e, bytes(2 * len(rows_of(o))))), OpeningError),
    "swaps openings": Attack(_lies(_swap), OpeningError),
    "flips a bit of an opening": Attack(_lies(lambda e, o: (e, _flip(o, -1))), OpeningError),
    "opens what it does not grant": Attack(_grants_less_than_it_opens, OpeningError),
    "grants what it does not open": Attack(_grants_more_than_it_opens, OpeningError),
    # events, under a good signature
    "refers to a later event": Attack(_breaks(_refers_ahead), EventRuleError),
    "turns time back": Attack(_breaks(_write(Op.ADD, ref=0, earlier_ms=5000)), EventRuleError),
    "dates an event ahead": Attack(_dated_ahead, EventRuleError),
    "amends a withdrawal": Attack(_breaks(_amends_a_withdraw), EventRuleError),
    "resolves an addition": Attack(_breaks(_write(Op.RESOLVE)), EventRuleError),
    "withdraws in another collection": Attack(
        _breaks(_write(Op.WITHDRAW, collection=NATIONAL)), EventRuleError
    ),
    "sets reserved bits": Attack(_breaks(_reserved_bits), EventRuleError),
    # trust files
    "shows an older document": Attack(_old_document, VerificationError, whole=True),
    "shows two documents of one serial": Attack(
        _second_document, VerificationError, whole=True, suspends=True
    ),
    "shows a document that has ended": Attack(_ended_document, NotCurrentError, whole=True),
    "shows a document of a stranger's keys": Attack(_document_of_a_stranger, ThresholdError, whole=True),
    "shows a document that is none": Attack(
        lambda peer: peer.show_files(node=b"{}"), MalformedTrustError, whole=True
    ),
    "shows an older register": Attack(_old_members, VerificationError, whole=True),
    # the line
    "does not answer": Attack(_be_unreachable, PeerUnreachableError, whole=True),
}
REFUSALS = frozenset(attack.error for attack in ATTACKS.values()) - {ProtocolError}
"""Every class of error that a lying peer can meet."""


def follow(follower: Agency, peer: ListPeer) -> None:
    """Introduce the peer to the follower."""
    follower.know(peer.identity, country="NL", grant=NOTHING)
