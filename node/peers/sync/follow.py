"""Holding a peer's list: staged while it is pulled, then taken over in one transaction.

The pull has verified what is staged; here it is hashed once more on its way into the store, so that bytes that changed
in between never stand under a signed head. The new head is claimed first (compare-and-swap), then the objects are
written slice by slice, then one transaction moves the head together with the look-up index and the guards' records: who
looks a hash up sees the index alone, so nothing of a head may be in it before all is. What is cut off after the claim
is finished by the next `held`, from the slice that it was at; what cannot be finished is fetched again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from keys.message import Message
from node.cycles import acyclic
from node.errors import BeyondLimitsError, ConflictError, MissingObjectError, NotFoundError, StoreError
from node.lists.corrections.erase import carry_out, redo
from node.lists.entries import parse_opening
from node.lists.guards import Guards
from node.lists.pace import MOST_AT_ONCE, most_at_once
from node.lists.tombstones import note_relisted
from node.objects.logfiles import LogFiles
from node.peers.sync.intake import EventIntake, FollowGuards, OpenFile, guard
from node.peers.sync.slices import Slice, Slices, Source, cuts
from node.peers.sync.stage import StagedBundle, Staging
from node.store.lists.records import Head, LogKind, LogRecord
from node.store.store import Store
from protocol.errors import MalformedError, ProtocolError
from protocol.limits import BUNDLE_WIDTH, HEADER_BYTES
from protocol.lists.event import Header
from protocol.lists.sequence import LogShape
from protocol.tlog.merkle import CompactRange
from protocol.tlog.note import Note
from protocol.tlog.tiles import bundle_widths, decode_bundle

__all__ = ["Committed", "Delivery", "FollowGuards", "Follower", "HeldLog", "StagedBundle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLog:
    """What a pull starts from."""

    origin: str
    size: int
    root: bytes
    note: bytes | None
    """The newest signed note that was accepted; None before the first pull."""
    frontier: bytes
    """`CompactRange.to_bytes()` at `size`."""
    tail: tuple[bytes, ...]
    """Events of the last, partial bundle (`size % 256`): what the peer sends again must equal them."""
    time_ms: int
    checked_ms: int
    """When the peer's head was last seen to be this one."""
    finished: "Committed | None" = None
    """What an earlier pull brought that was cut off, and is taken over now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A pull that verified to its end; its bundles are staged."""

    note: bytes
    size: int
    root: bytes
    frontier: bytes
    shape: LogShape | None = None
    """Of all events up to `size`; kept, so that the next pull need not read them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a pull changed."""

    old_size: int
    new_size: int
    adds: int
    withdrawals: int
    quarantined: int
    """Records of the guards."""


class _NotStagedError(StoreError):
    """Staged bundles that are gone or altered."""

    hint = "sync again: they will be fetched anew"


class Follower:
    """The peers' lists of one node; a log is pulled by one caller at a time, others lose by `ConflictError`.

    `proceed` is called before each slice of what is taken over: what it raises ends that, and the next one goes on.
    """

    def __init__(
        self,
        store: Store,
        guards: FollowGuards,
        known: Guards | None = None,
        *,
        beyond_limits: bool = False,
        proceed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._proceed = proceed
        self._guards = guards
        self._beyond_limits = beyond_limits
        self._known = known or Guards(store)
        self._stagings: dict[str, Staging] = {}

    @property
    def guards(self) -> FollowGuards:
        """How much a peer may change a day."""
        return self._guards

    def follow(self, origin: str, *, node: str) -> LogRecord:
        """Start to follow a list of `node`; nothing happens when it is followed already."""
        with self._store.write() as unit:
            try:
                return unit.logs.get(origin)
            except NotFoundError:
                name = origin.rpartition("/")[2]
                return unit.logs.create(origin=origin, kind=LogKind.PEER_LIST, node=node, name=name)

    def held(self, origin: str, *, now_ms: int) -> HeldLog:
        """What is held of a list, after finishing a commit that was cut off; raises `NotFoundError`."""
        log, finished = self._log(origin), None
        if log.pending is not None:
            finished = self._repair(log, now_ms)
            log = self._log(origin)
        carry_out(self._store, origin, now_ms=now_ms)
        head = log.head
        self._staging(origin).drop_held(head.size)
        files = self._files(origin)
        return HeldLog(
            origin=origin,
            size=head.size,
            root=head.root,
            note=log.note,
            frontier=head.frontier,
            tail=tuple(files.events(head.size // BUNDLE_WIDTH, size=head.size)),
            time_ms=head.time_ms,
            checked_ms=log.checked_ms,
            finished=finished,
        )

    def require_room(self, origin: str, *, size: int, now_ms: int) -> None:
        """Refuse a head of `size` events that brings more than may be on its way; what is staged of it is dropped.

        Raises:
            BeyondLimitsError: more than `pace.most_at_once`, or with the peer's other lists more than `MOST_AT_ONCE`.
        """
        log = self._log(origin)
        growth = size - log.head.size
        with self._store.read() as unit:
            most = most_at_once(unit, log, self._guards, now_ms=now_ms)
            lists = [one.origin for one in unit.logs.ls(LogKind.PEER_LIST) if one.node == log.node]
        staged = sum(Staging(self._store, other).events for other in lists if other != origin)
        most = min(MOST_AT_ONCE if self._beyond_limits else most, MOST_AT_ONCE - staged)
        if not growth or growth <= most:
            return
        self.discard(origin)
        raise BeyondLimitsError(
            "{origin} grew by {growth} events since it was last seen; {most} are taken at once",
            origin,
            f"{growth:,}",
            f"{most:,}",
            hint=Message(
                "nothing was fetched, its withdrawals neither. Ask {node} by another way: if it meant that,"
                " run: sigfed peer sync {node} --beyond-limits; if not, its log key was stolen, and it"
                " revokes that",
                log.node,
            ),
        )

    def shape(self, origin: str) -> LogShape:
        """The shape of the held events: the one kept by the last commit, or rebuilt from the bundles."""
        head = self._log(origin).head
        kept = self._kept_shape(origin, head.size)
        return kept if kept is not None else self._rebuilt_shape(origin, head)

    def staged(self, origin: str, *, index: int, width: int) -> StagedBundle | None:
        """A bundle that an interrupted pull left: to be verified like one that the peer sends."""
        return self._staging(origin).get(index, width)

    def stage(self, origin: str, bundle: StagedBundle) -> None:
        """Keep a bundle that the pull accepted."""
        self._staging(origin).add(bundle)

    def flush(self, origin: str) -> None:
        """Make what is staged durable: at an interruption."""
        self._staging(origin).flush()

    def discard(self, origin: str) -> None:
        """Forget what is staged: when verification failed, nothing of it may be fed to a pull again."""
        self._staging(origin).discard()
        self._stagings.pop(origin, None)

    def confirm(self, origin: str, *, note: bytes | None = None, now_ms: int) -> None:
        """The peer's head is still the one held: the list is fresh. `note` may have other cosignatures by now."""
        with self._store.write() as unit:
            log = unit.logs.get(origin)
            unit.logs.confirm(log, checked_ms=now_ms)
            if (
                note is not None
                and log.note is not None
                and note != log.note
                and _text(note) == _text(log.note)
            ):
                unit.logs.cosign(log, note)

    def commit(self, origin: str, delivery: Delivery, *, now_ms: int) -> Committed:
        """Take over a verified pull; what was staged is used up.

        Raises:
            ConflictError: another pull of the same list was faster.
            StoreError: the staged bundles are not those of the delivery any more; they were discarded.
        """
        self.flush(origin)
        log = self._log(origin)
        if log.pending is not None or log.head.size >= delivery.size:
            raise _faster(origin)
        head = Head(
            size=delivery.size,
            root=delivery.root,
            frontier=delivery.frontier,
            time_ms=self._last_time(log, delivery.size),
        )
        with self._store.write() as unit:
            unit.logs.claim(log, head, note=delivery.note)
            log = unit.logs.get(origin)
        try:
            committed = self._finish(log, now_ms)
        except _NotStagedError:
            self._abandon(log)
            raise
        if delivery.shape is not None:
            self._keep_shape(origin, delivery.shape, committed.old_size)
        return committed

    def _finish(self, log: LogRecord, now_ms: int) -> Committed:
        """From the claimed head to the held one; every step may be repeated."""
        assert log.pending is not None
        files, slices = self._files(log.origin), Slices(self._store, log.origin, self._proceed)
        try:
            quarantined = self._settle(log, files, slices, now_ms)
        except ConflictError:
            redo(self._store, log, now_ms=now_ms)
            raise
        self.discard(log.origin)
        for first, end in cuts(log.head.size, log.pending.size):
            for name in files.outgrown(first, end):
                self._store.objects.delete(name)
        carry_out(self._store, log.origin, now_ms=now_ms)
        changes = slices.changes()
        return Committed(
            old_size=log.head.size,
            new_size=log.pending.size,
            adds=len(changes.adds),
            withdrawals=len(changes.withdrawals),
            quarantined=quarantined,
        )

    def _settle(self, log: LogRecord, files: LogFiles, slices: Slices, now_ms: int) -> int:
        """What is staged becomes the held head; returns how many records the guards made of it.

        Raises `ConflictError` where a faster pull did it; by then some of it may be written again.
        """
        assert log.pending is not None
        assert log.pending_note is not None, "a peer's head comes signed"
        try:
            with acyclic():
                self._write(log, files, slices)
                suspects = [*self._known.suspects(log, slices.arrivals()), *slices.suspects()]
        except MalformedError:
            raise self._not_those(log) from None
        except MissingObjectError:
            # Whoever commits a head tidies up behind it, so a slower one may miss what it was about to read.
            self._require_unmoved(log)
            raise
        changes = slices.changes()
        with acyclic(), self._store.write() as unit:
            unit.logs.settle(log, note=log.pending_note, checked_ms=now_ms)
            slices.write(unit, log.id)
            unit.touches.advance(log.id, first=log.head.size, end=log.pending.size)
            quarantined = guard(unit, log, changes, self._guards, suspects=suspects, now_ms=now_ms)
            note_relisted(self._store, unit, log, first=log.head.size, size=log.pending.size)
        return quarantined

    def _write(self, log: LogRecord, files: LogFiles, slices: Slices) -> None:
        """Staged bundles into objects and slices, hashed on the way; what a pull that was cut off wrote stands.

        Raises `StoreError` unless they give the pending root.
        """
        assert log.pending is not None
        vault, frontier, file = self._store.vault, log.head.frontier, OpenFile()
        for first, end in cuts(log.head.size, log.pending.size):
            self._proceed()
            last = end == log.pending.size
            before = Source(frontier, file, log.reopened)
            made = slices.recall(first, before, self._bundles(log, first, end))
            if made is None:
                source, intake = Source(frontier, file, log.reopened), EventIntake(vault, first, file)
                frontier = self._take(files, intake, source.read(self._bundles(log, first, end)), frontier)
                older = self._older_keys(files, intake.older_refs(), first)
                made = Slice(source=source.text, frontier=frontier, taken=intake.taken(older))
                if not last:
                    slices.keep(first, made)
            slices.add(first, made, last=last)
            frontier, file = made.frontier, made.taken.file
        if frontier != log.pending.frontier or CompactRange.from_bytes(frontier).root() != log.pending.root:
            raise self._not_those(log)

    def _take(
        self, files: LogFiles, intake: EventIntake, bundles: Iterable[StagedBundle], frontier: bytes
    ) -> bytes:
        """The events of a slice, and openings (empty: not held), into objects; the frontier behind them."""
        tree, first = CompactRange.from_bytes(frontier), intake.first
        events, openings = list[bytes](), list[bytes]()
        for bundle in bundles:
            start = bundle.index * BUNDLE_WIDTH
            skip = max(first - start, 0)
            new = decode_bundle(bundle.entries, bundle.width)[skip:]
            rows = (
                [b""] * bundle.width
                if bundle.openings is None
                else decode_bundle(bundle.openings, bundle.width)
            )
            events += new
            openings += rows[skip:]
        intake.take(first, events, openings)
        self._store.objects.put_all(files.growth(first, events, openings))
        hasher = self._store.vault.hasher
        tree.extend_joined(hasher.leaves(b"".join(events)), hasher)
        return tree.to_bytes()

    def _bundles(self, log: LogRecord, first: int, end: int) -> Iterator[StagedBundle]:
        """What is staged of the events from `first` up to `end`."""
        staging = self._staging(log.origin)
        for index, width in bundle_widths(first, end):
            bundle = staging.get(index, width)
            if bundle is None:
                raise self._not_those(log)
            yield bundle

    def _last_time(self, log: LogRecord, size: int) -> int:
        bundle = next(self._bundles(log, size - 1, size))
        return Header.from_bytes(decode_bundle(bundle.entries, bundle.width)[-1][:HEADER_BYTES]).time_ms

    def _repair(self, log: LogRecord, now_ms: int) -> Committed | None:
        """Finish a commit that was cut off, or forget it: the peer still has what is missing here."""
        try:
            return self._finish(log, now_ms)
        except _NotStagedError:
            self._abandon(log)
        except ConflictError:  # somebody else finished it
            pass
        return None

    def _abandon(self, log: LogRecord) -> None:
        # In this order: no later pull may meet slices of a claim that is gone.
        self.discard(log.origin)
        with self._store.write() as unit:
            unit.logs.abandon(log)

    def _older_keys(self, files: LogFiles, refs: Iterable[int], size: int) -> dict[int, int]:
        """Look-up keys of entries before `size` whose openings are there."""
        found: dict[int, int] = {}
        for index, group in groupby(sorted(refs), key=lambda ref: ref // BUNDLE_WIDTH):
            rows = files.openings(index, size=size)
            held = {ref: parse_opening(data) for ref in group if (data := rows[ref % BUNDLE_WIDTH])}
            digests = {ref: opening.digest for ref, opening in held.items() if opening.digest is not None}
            found |= dict(zip(digests, self._store.vault.keys_of(digests.values()).tolist(), strict=True))
        return found

    def _not_those(self, log: LogRecord) -> "_NotStagedError":
        """Of bundles that are gone or altered; raises `ConflictError` where a faster pull used them up."""
        self._require_unmoved(log)
        return _NotStagedError("{origin}: the staged bundles are not those that were verified", log.origin)

    def _require_unmoved(self, log: LogRecord) -> None:
        if self._log(log.origin).head != log.head:
            raise _faster(log.origin)

    def _kept_shape(self, origin: str, size: int) -> LogShape | None:
        name = self._files(origin).name("shapes", str(size))
        if not self._store.objects.exists(name):
            return None
        try:
            shape = LogShape.from_bytes(self._store.vault.unseal(name, self._store.objects.get(name)))
        except (ProtocolError, StoreError):
            return None
        return shape if shape.size == size else None

    def _keep_shape(self, origin: str, shape: LogShape, old_size: int) -> None:
        files = self._files(origin)
        name = files.name("shapes", str(shape.size))
        self._store.objects.put(name, self._store.vault.seal(name, shape.to_bytes()))
        self._store.objects.delete(files.name("shapes", str(old_size)))

    def _rebuilt_shape(self, origin: str, head: Head) -> LogShape:
        shape, files = LogShape(), self._files(origin)
        for index, _ in bundle_widths(0, head.size):
            shape.admit_bundle(shape.size, files.events(index, size=head.size), head.time_ms)
        return shape

    def _log(self, origin: str) -> LogRecord:
        with self._store.read() as unit:
            return unit.logs.get(origin)

    def _files(self, origin: str) -> LogFiles:
        return LogFiles(self._store.objects, self._store.vault, origin)

    def _staging(self, origin: str) -> Staging:
        if origin not in self._stagings:
            self._stagings[origin] = Staging(self._store, origin)
        return self._stagings[origin]


def _faster(origin: str) -> ConflictError:
    return ConflictError("{origin}: another pull was faster", origin, hint="sync again")


def _text(note: bytes) -> str:
    """What is signed, without the signatures."""
    return Note.parse(note).text
