"""One list of a peer, pulled: `protocol.pull` says what to ask and judges it, the follower keeps it.

Bundles are fetched a few ahead of the one being judged. Of the bundle that is held in part only what is new is asked
for, and what is held is put before it: the machine judges the whole, and the root says whether the peer has the same.
What was accepted is staged, so that an interruption costs what was under way; what was refused is forgotten, and when
staged bundles had a part in it, the peer gets one more try from the beginning: an earlier lie must not stop an honest
answer.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from node.clock import milliseconds
from node.errors import NodeError, StoreError
from node.peers.sync.deadline import Deadline
from node.peers.sync.follow import Committed, Delivery, HeldLog, StagedBundle
from protocol.api import PeerApi
from protocol.digest import Algorithm
from protocol.errors import OverlapError, ProtocolError
from protocol.limits import BUNDLE_WIDTH, EVENT_BYTES, MAX_OPENINGS_BYTES
from protocol.lists.sequence import LogShape
from protocol.pull.bundles import cut_overlap, read_events
from protocol.pull.inputs import Held, LogTrust
from protocol.pull.machine import GetBundle, Pull, Pulled, RecallShape
from protocol.tlog.hasher import HASHLIB, Hasher
from protocol.tlog.tiles import encode_bundle

_AHEAD: Final = 8
_AT_ONCE: Final = _AHEAD // 2
"""Bundles that are judged in one turn of a thread; the others may be on their way meanwhile."""
_ENTRY_BYTES: Final = 2 + EVENT_BYTES
assert _AHEAD * MAX_OPENINGS_BYTES < 2**23, "what a peer can make us hold while one bundle is judged"


class Keeper(Protocol):
    """Who keeps what a pull accepts; `node.peers.sync.follow.Follower` says what each does."""

    def shape(self, origin: str) -> LogShape:
        """The shape of the held events."""
        ...

    def require_room(self, origin: str, *, size: int, now_ms: int) -> None:
        """Refuse a head that brings more than may be on its way."""
        ...

    def staged(self, origin: str, *, index: int, width: int) -> StagedBundle | None:
        """A bundle that an interrupted pull left."""
        ...

    def stage(self, origin: str, bundle: StagedBundle) -> None:
        """Keep a bundle that the pull accepted."""
        ...

    def flush(self, origin: str) -> None:
        """Make what is staged durable."""
        ...

    def discard(self, origin: str) -> None:
        """Forget what is staged."""
        ...

    def confirm(self, origin: str, *, note: bytes | None, now_ms: int) -> None:
        """The head is still the one held."""
        ...

    def commit(self, origin: str, delivery: Delivery, *, now_ms: int) -> Committed:
        """Take over what was staged."""
        ...


@dataclass(slots=True)
class ListPull:
    """A pull of one list from one peer at one moment; `received` counts the bytes of its answers."""

    follower: Keeper
    api: PeerApi
    trust: LogTrust
    granted: frozenset[int]
    now: datetime
    algorithms: frozenset[Algorithm] | None = None
    """Of these alone the digests are granted; None: of all."""
    ahead: bool = False
    """Whether events may be dated in the future."""
    hasher: Hasher = HASHLIB
    deadline: Deadline = field(default_factory=Deadline)
    received: int = 0
    _resumed: bool = False
    _tail: tuple[bytes, ...] = ()
    _size: int = 0
    _cut: GetBundle | None = None
    """The bundle of which only what is new was asked for."""

    async def run(self, held: HeldLog, note: bytes | None) -> Committed | None:
        """Judge the answer to "anything newer than `held`?", and take over what is; None when nothing is.

        Raises:
            ProtocolError: the peer's answers do not verify; nothing was taken over.
            NodeError: the peer cannot be reached or refuses, or the own store failed.
        """
        self.received += len(note or b"")
        self._tail, self._size, self._cut = held.tail, held.size, None
        try:
            return await self._attempts(held, note)
        except ProtocolError as exc:
            await self._compare_held(exc)
            raise

    async def _attempts(self, held: HeldLog, note: bytes | None) -> Committed | None:
        try:
            return await self._attempt(held, note)
        except ProtocolError:
            if not self._resumed:
                raise
        self._resumed = False
        return await self._attempt(held, note)

    async def _compare_held(self, error: ProtocolError) -> None:
        """Raise `OverlapError` where the peer rewrote what is held of a bundle of which it was asked for the rest."""
        if self._cut is None:
            return
        place = {"index": self._cut.index, "width": self._cut.width}
        try:
            entries = await self.api.entries(self._cut.origin, **place)
            self.received += len(entries)
            cut_overlap(read_events(entries, self._cut.width), self._tail)
        except OverlapError as exc:
            raise exc from error
        except (NodeError, ProtocolError):
            return

    async def _attempt(self, held: HeldLog, note: bytes | None) -> Committed | None:
        origin = self.trust.origin
        pull = Pull(
            _held(held),
            self.trust,
            granted=self.granted,
            algorithms=self.algorithms,
            now=self.now,
            ahead=self.ahead,
            hasher=self.hasher,
        )
        try:
            pull.receive_head(note)
            await self.deadline.work(
                self.follower.require_room, origin, size=pull.size, now_ms=milliseconds(self.now)
            )
            await self._drive(pull)
        except ProtocolError:
            await self.deadline.work(self.follower.discard, origin)
            raise
        except BaseException:
            # Without a thread: whoever is being cancelled may not get another turn, and no thread is at it any more.
            with suppress(StoreError):  # what is not kept is fetched anew: why this ended is to be said
                self.follower.flush(origin)
            raise
        return await self.deadline.work(self._take_over, pull)

    async def _drive(self, pull: Pull) -> None:
        ahead = _Ahead(self)
        try:
            while (request := pull.next_request()) is not None:
                self.deadline.require_time()
                if isinstance(request, RecallShape):
                    pull.recall(await self.deadline.work(self.follower.shape, self.trust.origin))
                    continue
                bundles = await ahead.next(pull.upcoming(_AHEAD))
                await self.deadline.work(self._accept, pull, bundles)
        finally:
            await ahead.close()

    def _accept(self, pull: Pull, bundles: Sequence[StagedBundle]) -> None:
        for bundle in bundles:
            accepted = pull.receive_bundle(bundle.entries, bundle.openings)
            self.follower.stage(
                self.trust.origin,
                StagedBundle(
                    index=accepted.index,
                    width=accepted.width,
                    entries=accepted.entries,
                    openings=accepted.openings,
                ),
            )

    def _take_over(self, pull: Pull) -> Committed | None:
        origin, result, now_ms = self.trust.origin, pull.result, milliseconds(self.now)
        if not isinstance(result, Pulled) or result.checkpoint.checkpoint.size == 0:
            self.follower.confirm(origin, note=result.checkpoint.note, now_ms=now_ms)
            return None
        head = result.checkpoint.checkpoint
        delivery = Delivery(
            note=result.checkpoint.note,
            size=head.size,
            root=head.root,
            frontier=result.frontier,
            shape=result.shape,
        )
        return self.follower.commit(origin, delivery, now_ms=now_ms)

    def staged(self, requests: Sequence[GetBundle]) -> list[StagedBundle | None]:
        """What an interrupted pull left of bundles."""
        return list(map(self._staged, requests))

    def _staged(self, request: GetBundle) -> StagedBundle | None:
        """Damage is the same as nothing."""
        try:
            bundle = self.follower.staged(request.origin, index=request.index, width=request.width)
        except StoreError:
            self.follower.discard(request.origin)
            return None
        if bundle is None or (bundle.openings is None) is request.openings:
            return None
        self._resumed = True
        return bundle

    async def fetch(self, request: GetBundle) -> StagedBundle:
        """A bundle from the peer; what is held of it is not asked for, and its openings are as if withheld."""
        first = self._held_of(request)
        place = {"index": request.index, "width": request.width}
        entries = await self.api.entries(request.origin, **place, first=first)
        self.received += len(entries)
        if first and len(entries) == request.width * _ENTRY_BYTES:
            first = 0  # a version of the peer that knows whole bundles only
        if first:
            self._cut = request
            entries = encode_bundle(self._tail) + entries
        openings = None
        if request.openings:
            openings = await self.api.openings(request.origin, **place, first=first)
            self.received += len(openings)
            openings = encode_bundle([b""] * first) + openings
        return StagedBundle(index=request.index, width=request.width, entries=entries, openings=openings)

    def _held_of(self, request: GetBundle) -> int:
        """How many entries of a bundle are held: none, but for the one in which the held size lies."""
        start = request.index * BUNDLE_WIDTH
        return len(self._tail) if start < self._size < start + request.width else 0


class _Ahead:
    """Bundles on their way: what is staged is taken from there, the rest is asked for before it is needed."""

    def __init__(self, pull: ListPull) -> None:
        self._pull = pull
        self._coming: dict[int, StagedBundle | asyncio.Task[StagedBundle]] = {}

    async def next(self, upcoming: Sequence[GetBundle]) -> list[StagedBundle]:
        """The first of the upcoming bundles, and a few behind it that are there already."""
        new = [request for request in upcoming if request.index not in self._coming]
        staged = await self._pull.deadline.work(self._pull.staged, new) if new else []
        for request, bundle in zip(new, staged, strict=True):
            self._coming[request.index] = bundle or asyncio.create_task(self._pull.fetch(request))
        bundles = [await self._arrived(upcoming[0].index)]
        for request in islice(upcoming, 1, _AT_ONCE):
            if not self._is_there(request.index):
                break
            bundles.append(await self._arrived(request.index))
        return bundles

    def _is_there(self, index: int) -> bool:
        """Of one that failed it is said when it is its turn: those before it are kept first."""
        coming = self._coming[index]
        return isinstance(coming, StagedBundle) or (coming.done() and coming.exception() is None)

    async def _arrived(self, index: int) -> StagedBundle:
        coming = self._coming[index]
        bundle = coming if isinstance(coming, StagedBundle) else await coming
        del self._coming[index]
        return bundle

    async def close(self) -> None:
        """Give up what is still on its way."""
        tasks = [task for task in self._coming.values() if isinstance(task, asyncio.Task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _held(held: HeldLog) -> Held:
    return Held(note=held.note, frontier=held.frontier, tail=held.tail)
