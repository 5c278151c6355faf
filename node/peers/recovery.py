"""An own list had back from the peers that hold it, after this node lost its end.

What comes back is believed because this node's own key signed its head: the entries give that root, keep the rules of
a list, and every opening fits its commitment. The longest history that any peer holds is taken, and only if all others
are its beginnings: two histories under one key are for people to look at, and so is one that no member would follow.
Peers hold different openings, as far as each was granted, so they are asked one after the other. What waited here and
was published before the loss is in it, under the same positions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from node.errors import NodeError, VerificationError
from node.lists.changes import digest_of
from node.lists.collisions import Arrivals
from node.lists.entries import read_batch
from node.lists.guards import Guards
from node.lists.pace import NO_LIMITS
from node.objects.logfiles import LogFiles, held_tree
from node.peers.sync.follow import Delivery, Follower, StagedBundle
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.errors import EventRuleError, ProtocolError
from protocol.limits import BUNDLE_WIDTH, EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.opening import commitment, origin_hash
from protocol.lists.sequence import LogShape
from protocol.pull.bundles import read_events, read_openings
from protocol.slices import slices
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.note import VerifierKey
from protocol.tlog.tiles import bundle_widths, encode_bundle


class HeldLink(Protocol):
    """A peer that may hold our list (`protocol.api.HeldApi`, over a connection)."""

    async def held_checkpoint(self, origin: str) -> bytes:
        """The newest signed note that it holds."""
        ...

    async def held_entries(self, origin: str, *, index: int, width: int) -> bytes:
        """An entry bundle."""
        ...

    async def held_openings(self, origin: str, *, index: int, width: int) -> bytes:
        """The openings of a bundle, as far as it holds them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """How a list came back."""

    origin: str
    old_size: int
    new_size: int
    unopened: int = 0
    """Events among the new ones whose hashes no peer holds."""


@dataclass(frozen=True, slots=True)
class _Source:
    peer: str
    link: HeldLink
    note: bytes
    head: Checkpoint


class BrokenHistoryError(VerificationError):
    """A peer shows a head that this node's key signed, of entries that break the rules; `head` is that, in `note`."""

    hint = (
        "is this machine's clock right? If it is, somebody else has signed with this node's key: call the other"
        " members. To give the list up, and go on in another: sigfed --alone backup finish"
    )

    def __init__(self, message: str, /, *values: object, source: _Source) -> None:
        super().__init__(message, *values)
        self.peer = source.peer
        self.head = source.head
        self.note = source.note


async def have_back(
    store: Store, origin: str, peers: Mapping[str, HeldLink], *, keys: Sequence[VerifierKey], now_ms: int
) -> Returned:
    """Fetch what peers hold of an own list beyond what is here; `keys` are all that ever signed it.

    Raises:
        VerificationError: what a peer holds is another history than what is held here, or at another peer.
        BrokenHistoryError: the longest one breaks the rules of a list, such as one that is dated in the future.
        ProtocolError: what a peer sent is not what this node signed.
        NodeError: a peer that holds the most cannot be reached.
    """
    with store.read() as unit:
        log = unit.logs.get(origin)
    sources = [one for peer, link in peers.items() if (one := await _ask(peer, link, origin, keys))]
    best = max(sources, key=lambda one: one.head.size, default=None)
    _require_beginnings(store, log, sources)
    if best is None or best.head.size <= log.head.size:
        return Returned(origin=origin, old_size=log.head.size, new_size=log.head.size)
    follower = Follower(store, NO_LIMITS, _NobodyGuards(store))
    follower.discard(origin)
    frontier, unopened = await _stage(store, log, follower, best, sources, now_ms)
    with store.write() as unit:
        unit.logs.supersede(log)
    _unqueue(store, log, best.head.size)
    delivery = Delivery(note=best.note, size=best.head.size, root=best.head.root, frontier=frontier)
    follower.commit(origin, delivery, now_ms=now_ms)
    return Returned(origin=origin, old_size=log.head.size, new_size=best.head.size, unopened=unopened)


async def _ask(peer: str, link: HeldLink, origin: str, keys: Sequence[VerifierKey]) -> _Source | None:
    """What a peer holds; None when it holds nothing that this node signed."""
    try:
        note = await link.held_checkpoint(origin)
        return _Source(peer, link, note, open_checkpoint(note, origin=origin, log_keys=keys).checkpoint)
    except (NodeError, ProtocolError):
        return None


async def _stage(
    store: Store, log: LogRecord, follower: Follower, best: _Source, sources: Sequence[_Source], now_ms: int
) -> tuple[bytes, int]:
    """Stage everything behind the held head; the frontier at its end, and how many events nobody opens."""
    tree, unopened = CompactRange.from_bytes(log.head.frontier), 0
    shape, broken = follower.shape(log.origin), None
    held = LogFiles(store.objects, store.vault, log.origin).events(
        log.head.size // BUNDLE_WIDTH, size=log.head.size
    )
    for index, width in bundle_widths(log.head.size, best.head.size):
        entries = await best.link.held_entries(log.origin, index=index, width=width)
        events = list(slices(read_events(entries, width), EVENT_BYTES))
        skip = max(log.head.size - index * BUNDLE_WIDTH, 0)
        if events[:skip] != held[:skip]:
            raise VerificationError(
                "{origin}: {peer} holds another history than this node, which its key signed",
                log.origin,
                best.peer,
                hint="call the other members: somebody else may sign with this node's key",
            )
        leaves = [leaf_hash(event) for event in events]
        for source in sources:
            at = source.head.size
            if tree.size < at <= index * BUNDLE_WIDTH + width:
                _require_root(log, source, _grown(tree, leaves[skip : at - index * BUNDLE_WIDTH]), best.peer)
        tree.extend(leaves[skip:])
        broken = broken or _broken(shape, events[skip:], now_ms)
        if broken is not None:
            continue  # the rest is only hashed
        openings = await _openings(log.origin, index, events, sources)
        unopened += sum(_hides(event, row) for event, row in zip(events[skip:], openings[skip:], strict=True))
        follower.stage(
            log.origin,
            StagedBundle(index=index, width=width, entries=entries, openings=encode_bundle(openings)),
        )
    if broken is not None:  # which is said last: only now it is known that the key signed these entries
        follower.discard(log.origin)
        raise BrokenHistoryError(
            "{origin}: {peer} holds entries of it that no member takes; {broken}",
            log.origin,
            best.peer,
            broken.message,
            source=best,
        )
    return tree.to_bytes(), unopened


def _broken(shape: LogShape, events: Sequence[bytes], now_ms: int) -> EventRuleError | None:
    """The rule of a list that these events break, which else become part of the shape."""
    try:
        shape.admit_bundle(shape.size, events, now_ms)
    except EventRuleError as exc:
        return exc
    return None


def _grown(tree: CompactRange, leaves: Sequence[bytes]) -> bytes:
    twin = tree.copy()
    twin.extend(leaves)
    return twin.root()


def _require_beginnings(store: Store, log: LogRecord, sources: Sequence[_Source]) -> None:
    """Check what peers hold that is no longer than what is here."""
    for source in sources:
        if source.head.size <= log.head.size:
            root = held_tree(store, log).prefix_root(source.head.size)
            _require_root(log, source, root, "this node")


def _require_root(log: LogRecord, source: _Source, root: bytes, other: str) -> None:
    """Whoever sent wrong entries contradicts its own head; who holds another head contradicts the others."""
    if root == source.head.root:
        return
    if source.peer == other:
        raise VerificationError("{origin}: what {other} sent is not what its head signs", log.origin, other)
    raise VerificationError(
        "{origin}: {peer} holds another history than {other}, and this node's key signed both",
        log.origin,
        source.peer,
        other,
        hint="do not publish; call the other members: somebody else may sign with this node's key",
    )


async def _openings(
    origin: str, index: int, events: Sequence[bytes], sources: Sequence[_Source]
) -> list[bytes]:
    """The openings of a bundle that fit their commitments, from whoever holds them."""
    found, hashed = [b""] * len(events), origin_hash(origin)
    for source in sources:
        width = min(len(events), source.head.size - index * BUNDLE_WIDTH)
        if width <= 0 or all(found):
            continue
        try:
            data = await source.link.held_openings(origin, index=index, width=width)
            rows = read_openings(data, width)
        except (NodeError, ProtocolError):
            continue  # another one may have them
        for at, row in enumerate(rows):
            event = events[at]
            if (
                row
                and not found[at]
                and commitment(hashed, event[:HEADER_BYTES], row) == event[HEADER_BYTES:]
            ):
                found[at] = row
    return found


def _hides(event: bytes, opening: bytes) -> bool:
    """Whether an entry's hash is lost with its opening."""
    header = Header.from_bytes(event[:HEADER_BYTES])
    return not opening and header.known and header.op == Op.ADD


def _unqueue(store: Store, log: LogRecord, size: int) -> None:
    """Forget what waited here and was published before the loss: it comes back as events."""
    with store.write() as unit:
        for batch in unit.pending.ls(log.id, first=log.head.size, end=size):
            _forget_rows(store, unit, log, batch.first, batch.object)
        done = unit.pending.remove(log.id, end=size)
    for batch in done:
        store.objects.delete(batch.object)


def _forget_rows(store: Store, unit: Unit, log: LogRecord, first: int, name: str) -> None:
    rows = []
    for position, change in enumerate(read_batch(store, name), first):
        digest = digest_of(change.opening) if change.opening and change.op in {Op.ADD, Op.DISPUTE} else None
        if digest is not None:
            rows.append((store.vault.key_of(digest), position))
    unit.entries.remove(log.id, rows)


class _NobodyGuards(Guards):
    """What this agency listed itself was looked at when it was listed."""

    @override
    def suspects(self, log: LogRecord, arrivals: Iterable[Arrivals]) -> list[tuple[int, str]]:
        return []
