"""The withdrawals and disputes of a peer's head that is not followed yet: held beside the list, never in it.

Too few witnesses cosigned it, or a clock that was ahead dated its events. It is pulled and judged like any other but
for witnesses and dates in the future, up to its root; of its new events only those that remove are kept, as an overlay
upon exactly the trusted head that they were read after. As soon as that head moves, to the overlaid one or elsewhere,
the overlay counts for nothing: followed, it is in the list; contradicted, it is gone. A removal so travels past absent
witnesses and wrong clocks, and whoever holds a log's key alone can take away, and add nothing.
More withdrawals or disputes than the follower's guards let pass in a day make no overlay. Rules: docs/spec/sync.md,
"Overlay".
"""

from dataclasses import dataclass, field, replace
from typing import Final

from node.journal import Journal
from node.objects.logfiles import Item
from node.peers.sync.follow import Committed, Delivery, Follower, HeldLog, StagedBundle
from node.peers.sync.kept_overlays import seal_items
from node.peers.sync.pull import ListPull
from node.store.lists.records import LogRecord
from node.store.peers.records import OverlayRecord
from node.store.store import Store
from protocol.errors import ForkError, TooLargeError
from protocol.history import follow
from protocol.limits import BUNDLE_WIDTH, HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.sequence import LogShape
from protocol.tlog.checkpoint import Checkpoint, SignedCheckpoint
from protocol.tlog.conflict import Conflict, ConflictKind
from protocol.tlog.note import Note
from protocol.tlog.tiles import decode_bundle

_REMOVING: Final = frozenset({Op.WITHDRAW, Op.DISPUTE})
_journal = Journal("overlay")


@dataclass(slots=True)
class OverlayKeeper:
    """Takes a pull of such a head in the place of a `Follower`: what does not remove is dropped on arrival."""

    store: Store
    follower: Follower
    log: LogRecord
    """The list at its trusted head."""
    _items: list[Item] = field(default_factory=list)
    _withdrawals: int = 0
    _disputes: int = 0

    def shape(self, origin: str) -> LogShape:
        """The shape of the held events."""
        return self.follower.shape(origin)

    def require_room(self, origin: str, *, size: int, now_ms: int) -> None:
        """What is not followed yet may bring no more than what is."""
        self.follower.require_room(origin, size=size, now_ms=now_ms)

    def staged(self, origin: str, *, index: int, width: int) -> StagedBundle | None:  # noqa: ARG002 - nothing is
        """Nothing is staged: what such a head says must not be fed to the pull of a trusted one."""
        return None

    def stage(self, origin: str, bundle: StagedBundle) -> None:  # noqa: ARG002 - it is about one log
        """Keep what removes; raises `TooLargeError` when it is more than the guards let pass."""
        events = decode_bundle(bundle.entries, bundle.width)
        empty = [b""] * bundle.width
        openings = empty if bundle.openings is None else decode_bundle(bundle.openings, bundle.width)
        for index, (event, opening) in enumerate(
            zip(events, openings, strict=True), bundle.index * BUNDLE_WIDTH
        ):
            op = Header.from_bytes(event[:HEADER_BYTES]).op
            if index >= self.log.head.size and op in _REMOVING:
                self._take(op, (index, event, opening or None))

    def _take(self, op: int, item: Item) -> None:
        self._withdrawals += op == Op.WITHDRAW
        self._disputes += op == Op.DISPUTE
        guards = self.follower.guards
        if self._withdrawals > guards.max_withdraws_per_day or self._disputes > guards.max_disputes_per_day:
            raise TooLargeError("more removals than the guards let pass before the list can be followed")
        self._items.append(item)

    def flush(self, origin: str) -> None:
        """Nothing is staged."""

    def discard(self, origin: str) -> None:  # noqa: ARG002 - it is about one log
        """Forget what was taken."""
        self._items.clear()
        self._withdrawals = self._disputes = 0

    def confirm(self, origin: str, *, note: bytes | None, now_ms: int) -> None:
        """Nothing is fresh because of a head that is not followed."""

    def commit(self, origin: str, delivery: Delivery, *, now_ms: int) -> Committed:  # noqa: ARG002 - as a follower
        """Put the overlay in the place of an older one."""
        base = self.log.head
        record = OverlayRecord(
            log_id=self.log.id,
            base_size=base.size,
            base_root=base.root,
            size=delivery.size,
            root=delivery.root,
            note=delivery.note,
            sealed=seal_items(self.store.vault, self.log, self._items),
        )
        with self.store.write() as unit:
            unit.overlays.put(record)
        _journal.warning(
            "overlaid",
            origin=origin,
            withdrawals=self._withdrawals,
            disputes=self._disputes,
            ahead=delivery.size - base.size,
        )
        return Committed(
            old_size=base.size, new_size=delivery.size, adds=0, withdrawals=self._withdrawals, quarantined=0
        )


async def overlay_head(store: Store, follower: Follower, pull: ListPull, held: HeldLog, note: bytes) -> bool:
    """Whether the removals of the head in `note`, which lacks cosignatures or is dated ahead, lie upon the list now.

    `pull` is the one that found that out.

    Raises:
        ProtocolError: the head does not verify to its end, or removes more than the guards let pass.
        NodeError: the peer cannot be reached, or the own store failed.
    """
    with store.read() as unit:
        log = unit.logs.get(held.origin)
        record = unit.overlays.find(log.id)
    if lies_upon(record, log, note):
        return True
    trial = ListPull(
        follower=OverlayKeeper(store, follower, log),
        api=pull.api,
        trust=replace(pull.trust, witnessing=None),
        granted=pull.granted,
        algorithms=pull.algorithms,
        now=pull.now,
        ahead=True,
        hasher=pull.hasher,
        deadline=pull.deadline,
    )
    try:
        return await trial.run(held, note) is not None
    finally:
        pull.received += trial.received


def lies_upon(record: OverlayRecord | None, log: LogRecord, note: bytes) -> bool:
    """Whether `record` is the overlay of the head in `note` upon that of `log`.

    Raises:
        ForkError: the head that was overlaid contradicts this one, although one key signed both.
    """
    if record is None:
        return False
    offered = _signed(note)
    if record.size <= offered.checkpoint.size:  # a smaller one may be an old answer that came late
        follow(_signed(record.note), offered)
    same_base = (record.base_size, record.base_root) == (log.head.size, log.head.root)
    return same_base and (record.size, record.root) == (offered.checkpoint.size, offered.checkpoint.root)


def drop_overlay(store: Store, origin: str) -> ForkError | None:
    """Forget the overlay of a list whose head moved; what it was a fork of, if it contradicted the new head."""
    with store.write() as unit:
        log = unit.logs.get(origin)
        record = unit.overlays.find(log.id)
        if record is None or log.note is None or record.base_size == log.head.size:
            return None
        unit.overlays.drop(log.id)
    if record.size != log.head.size or record.root == log.head.root:
        return None
    evidence = Conflict(ConflictKind.FORK, log.note, record.note).to_bytes()
    return ForkError(size=record.size, evidence=evidence)


def _signed(note: bytes) -> SignedCheckpoint:
    """A head whose signatures were verified before."""
    return SignedCheckpoint(Checkpoint.from_text(Note.parse(note).text), note, (), ())
