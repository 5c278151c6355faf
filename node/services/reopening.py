"""Opening older events of a peer's list when its grant became wider.

The events are held and signed; what was withheld of them is asked for bundle by bundle, held against the commitments,
and given to the guards like what is new. How many additions a day a peer makes was counted when the events came, opened
or not, and is not counted again. It stops at a bound and wherever it is cut off, and goes on at the next sync: a bundle
is done when what it lacked is held. Spec: docs/spec/sync.md, "A wider grant".
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

import numpy as np

from node.errors import ConflictError
from node.ports.logs import LogRecord
from node.services.following import Follower
from node.services.guarding import Guards
from node.services.intake import EventIntake
from node.services.logfiles import LogFiles
from node.services.opened import Opened, note_opened, opened
from node.services.shelf import Shelf
from node.services.tombstones import note_listed
from protocol.api import OpeningsApi
from protocol.bundle import verify_openings
from protocol.event import HEADER_BYTES, Header, Op
from protocol.grant import Grant
from protocol.limits import BUNDLE_WIDTH, EVENT_BYTES, MAX_OPENINGS_BYTES
from protocol.opening import origin_hash
from protocol.pull.bundles import read_openings
from protocol.sequence import LogShape

_MOST_BUNDLES: Final = 1024
"""Asked for in one sync: a quarter of a million events, so that other lists and peers get their turn."""
assert _MOST_BUNDLES * MAX_OPENINGS_BYTES < 2**30

_ENDING: Final = (int(Op.WITHDRAW), int(Op.RESOLVE))
_OP: Final = 1


@dataclass(slots=True)
class Reopened:
    """What came of it."""

    openings: int = 0
    quarantined: int = 0
    received: int = 0
    """Bytes of openings."""
    finished: bool = True
    """Whether everything granted is open now."""


@dataclass(frozen=True, slots=True)
class _Lacking:
    """A bundle of which openings are wanted."""

    index: int
    events: Sequence[bytes]
    first: int
    """Offset of the first of them."""
    wanted: frozenset[int]
    """Offsets of events that the grant covers and that are closed."""


@dataclass(slots=True)
class Reopening:
    """One look through one list, from one peer, under one grant (as it covers at this moment)."""

    shelf: Shelf
    follower: Follower
    guards: Guards
    api: OpeningsApi
    origin: str
    grant: Grant
    now_ms: int
    most_bundles: int = _MOST_BUNDLES
    done: Reopened = field(default_factory=Reopened)
    _ended: Mapping[int, int] | None = None

    async def run(self) -> Reopened:
        """Open what is closed and granted; nothing is asked when that is known to be nothing.

        Raises:
            ProtocolError: the peer withholds what it grants, or gives what does not match; what came before is kept.
            NodeError: the peer cannot be reached, or the list moved meanwhile; running again goes on.
        """
        log = await asyncio.to_thread(self._log)
        state = await asyncio.to_thread(opened, self.shelf, self.origin)
        if not log.head.size or state.under.includes(self.grant):
            return self.done
        shape = await asyncio.to_thread(self.follower.shape, self.origin)
        at = state.bundle if state.toward == self.grant else 0
        end = -(-log.head.size // BUNDLE_WIDTH)
        fetched = 0
        try:
            while at < end:
                at, lacking = await asyncio.to_thread(self._next, log, shape, at, end)
                if lacking is None:
                    continue
                if fetched == self.most_bundles:
                    self.done.finished = False
                    return self.done
                openings = await self._fetch(log, lacking)
                await asyncio.to_thread(self._take, log, shape, lacking, openings)
                fetched, at = fetched + 1, at + 1
            state = Opened(state.under.join(self.grant))
            return self.done
        finally:
            if at < end:
                state = Opened(state.under, self.grant, at)
            note_opened(self.shelf, self.origin, state)

    def _log(self) -> LogRecord:
        with self.shelf.storage.read() as unit:
            return unit.logs.get(self.origin)

    def _files(self) -> LogFiles:
        return LogFiles(self.shelf.objects, self.shelf.vault, self.origin)

    def _next(self, log: LogRecord, shape: LogShape, at: int, end: int) -> tuple[int, _Lacking | None]:
        """The next bundle from `at` on that lacks something, and its number; None when none does, up to `end`."""
        files, size = self._files(), log.head.size
        for index in range(at, end):
            events, rows = files.events(index, size=size), files.openings(index, size=size)
            wanted = frozenset(
                offset
                for offset, (event, row) in enumerate(zip(events, rows, strict=True))
                if not row and self._is_granted(shape, index * BUNDLE_WIDTH + offset, event)
            )
            if wanted:
                return index, _Lacking(index, events, min(wanted), wanted)
        return end, None

    def _is_granted(self, shape: LogShape, position: int, event: bytes) -> bool:
        if shape.op(position) is None or shape.is_shredded(position):
            return False
        header = Header.from_bytes(event[:HEADER_BYTES])
        return self.grant.opens(header.collection, header.op, header.algorithm)

    async def _fetch(self, log: LogRecord, lacking: _Lacking) -> list[bytes | None]:
        width = len(lacking.events)
        data = await self.api.openings(log.origin, index=lacking.index, width=width, first=lacking.first)
        self.done.received += len(data)
        return [None] * lacking.first + read_openings(data, width - lacking.first)

    def _take(
        self, log: LogRecord, shape: LogShape, lacking: _Lacking, openings: Sequence[bytes | None]
    ) -> None:
        """Verify what came of a bundle, and keep it: records of the guards first, so that nothing passes them by."""
        start = lacking.index * BUNDLE_WIDTH
        verify_openings(
            shape,
            origin_hash=origin_hash(log.origin),
            first_index=start,
            events=lacking.events,
            openings=openings,
            wanted=lacking.wanted,
            grant=self.grant,
        )
        new = {offset: openings[offset] or b"" for offset in sorted(lacking.wanted)}
        intake = EventIntake(self.shelf.vault, 0)
        for run in _runs(new):
            intake.take(start + run[0], [lacking.events[at] for at in run], [new[at] for at in run])
        intake.older(self._endings(log))
        suspects = self.guards.suspects(log, intake.arrivals())
        with self.shelf.storage.write() as unit:
            self._require_stands(log, unit.logs.get(log.origin))
            unit.entries.remove(log.id, intake.rows())  # of an attempt that was cut off
            intake.write(unit, log.id, {})
            aside = intake.set_aside(unit, log, suspects=suspects, now_ms=self.now_ms)
            note_listed(self.shelf, unit, log, [(start + at, row) for at, row in new.items()])
        self._put(log, lacking.index, new)
        self.done.openings += len(new)
        self.done.quarantined += aside

    def _put(self, log: LogRecord, index: int, new: Mapping[int, bytes]) -> None:
        """Keep the openings, unless the list moved: then a wider bundle may have been written without them.

        What was shredded by another process, while this one had it in its hands, is deleted again.
        """
        files, size = self._files(), log.head.size
        self.shelf.objects.put_all(files.with_openings(index, new, size=size))
        with self.shelf.storage.read() as unit:
            now = unit.logs.get(log.origin)
            erased = [
                each.position
                for each in unit.shreddings.ls(log.id)
                if each.position // BUNDLE_WIDTH == index and each.erased_ms is not None
            ]
        self.shelf.objects.put_all(files.without_openings(erased, size=size))
        if now.head != log.head:
            for name in files.stale_openings([index * BUNDLE_WIDTH], size=now.head.size):
                self.shelf.objects.delete(name)
        self._require_stands(log, now)

    def _require_stands(self, log: LogRecord, now: LogRecord) -> None:
        if now.head != log.head or now.pending is not None:
            raise ConflictError(f"{log.origin}: another pull was faster", hint="sync again")

    def _endings(self, log: LogRecord) -> Mapping[int, int]:
        """Which events of the list were ended, and by which: their headers say it to everybody."""
        if self._ended is None:
            found: dict[int, int] = {}
            for position, event in _ending_events(self._files(), log.head.size):
                header = Header.from_bytes(event[:HEADER_BYTES])
                if header.known:
                    found.setdefault(header.ref, position)
            self._ended = found
        return self._ended


def _ending_events(files: LogFiles, size: int) -> Iterator[tuple[int, bytes]]:
    for index in range(-(-size // BUNDLE_WIDTH)):
        events = files.events(index, size=size)
        table = np.frombuffer(b"".join(events), dtype=np.uint8).reshape(-1, EVENT_BYTES)
        for offset in np.flatnonzero(np.isin(table[:, _OP], _ENDING)).tolist():
            yield index * BUNDLE_WIDTH + offset, events[offset]


def _runs(offsets: Mapping[int, bytes]) -> Iterator[list[int]]:
    """Neighbouring offsets together."""
    for _, run in groupby(enumerate(offsets), lambda pair: pair[1] - pair[0]):
        yield [offset for _, offset in run]
