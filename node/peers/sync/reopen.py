"""Opening older events of a peer's list when its grant became wider.

The events are held and signed; what was withheld of them is asked for bundle by bundle, held against the commitments,
and given to the guards like what is new. How many additions a day a peer makes was counted when the events came, opened
or not, and is not counted again. It stops at a bound and wherever it is cut off, and goes on at the next sync: a bundle
is done when what it lacked is held. Spec: docs/spec/sync.md, "A wider grant".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Final, TypeVar

from node.errors import ConflictError, MissingObjectError
from node.lists.corrections.erase import carry_out
from node.lists.guards import Guards
from node.lists.tombstones import note_listed
from node.lists.touches import catch_up
from node.objects.logfiles import LogFiles
from node.peers.sync.deadline import Deadline
from node.peers.sync.follow import Follower
from node.peers.sync.intake import EventIntake, Taken, set_aside
from node.peers.sync.opened_grants import Opened, note_opened, opened
from node.store.lists.records import LogRecord, Shredding
from node.store.store import Store
from protocol.api import OpeningsApi
from protocol.limits import BUNDLE_WIDTH, HEADER_BYTES, MAX_OPENINGS_BYTES
from protocol.lists.bundle import verify_openings
from protocol.lists.event import Header
from protocol.lists.grant import Grant
from protocol.lists.opening import origin_hash
from protocol.lists.sequence import LogShape
from protocol.pull.bundles import read_openings

_MOST_BUNDLES: Final = 1024
"""Asked for in one sync: a quarter of a million events, so that other lists and peers get their turn."""
assert _MOST_BUNDLES * MAX_OPENINGS_BYTES < 2**30

_T = TypeVar("_T")


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
    wanted: frozenset[int]
    """Offsets of closed events that the grant covers: they must come."""
    possible: frozenset[int]
    """Those, and closed ones that hide their algorithm: nobody else knows whether some algorithms cover them."""

    @property
    def start(self) -> int:
        """Position of its first event."""
        return self.index * BUNDLE_WIDTH

    @property
    def first(self) -> int:
        """The offset from which on openings are asked for."""
        return min(self.possible)


@dataclass(slots=True)
class Reopening:
    """One look through one list, from one peer, under one grant (as it covers at this moment)."""

    store: Store
    follower: Follower
    guards: Guards
    api: OpeningsApi
    origin: str
    grant: Grant
    now_ms: int
    deadline: Deadline = field(default_factory=Deadline)
    most_bundles: int = _MOST_BUNDLES
    done: Reopened = field(default_factory=Reopened)

    async def run(self) -> Reopened:
        """Open what is closed and granted; nothing is asked when that is known to be nothing.

        Raises:
            ProtocolError: the peer withholds what it grants, or gives what does not match; what came before is kept.
            NodeError: the peer cannot be reached, or the list moved meanwhile; running again goes on.
            TimeoutError: the time for all is over; running again goes on.
        """
        log, deletions, before = await self.deadline.work(self._start)
        if not log.head.size or before.under.includes(self.grant):
            return self.done
        shape = await self.deadline.work(self.follower.shape, self.origin)
        at = before.bundle if before.toward == self.grant else 0
        fetched = 0
        try:
            while (lacking := await self.deadline.work(self._lacking, log, shape, at)) is not None:
                at = lacking.index
                if fetched == self.most_bundles:
                    self.done.finished = False
                    break
                self.deadline.require_time()
                openings = await self._fetch(lacking)
                await self.deadline.work(self._take, log, shape, lacking, openings)
                fetched, at = fetched + 1, at + 1
            else:
                at = _bundles(log)
        finally:
            await self.deadline.work(self._note, log, deletions, before, at)
        return self.done

    def _start(self) -> tuple[LogRecord, Sequence[Shredding], Opened]:
        catch_up(self.store, self.origin)
        return *self._stand(), opened(self.store, self.origin)

    def _note(self, log: LogRecord, deletions: Sequence[Shredding], before: Opened, at: int) -> None:
        """Remember how far this look came, unless another process meddled with what it went by.

        A deletion rewrites whole bundles, and may have written one back as it was before it was opened.
        """
        done = at >= _bundles(log)
        after = Opened(before.under.join(self.grant)) if done else Opened(before.under, self.grant, at)
        now, deleted = self._stand()
        stands = (now.head, deleted, opened(self.store, self.origin)) == (log.head, deletions, before)
        if stands and after != before:
            note_opened(self.store, self.origin, after)

    def _stand(self) -> tuple[LogRecord, Sequence[Shredding]]:
        with self.store.read() as unit:
            log = unit.logs.get(self.origin)
            return log, unit.shreddings.ls(log.id)

    def _files(self) -> LogFiles:
        return LogFiles(self.store.objects, self.store.vault, self.origin)

    def _lacking(self, log: LogRecord, shape: LogShape, at: int) -> _Lacking | None:
        """The next bundle from `at` on that lacks something; None when none does."""
        for index in range(at, _bundles(log)):
            self.deadline.proceed()
            lacking = self._reading(log, partial(self._look, log, shape, index))
            if lacking.possible:
                return lacking
        return None

    def _look(self, log: LogRecord, shape: LogShape, index: int) -> _Lacking:
        files, size, start = self._files(), log.head.size, index * BUNDLE_WIDTH
        events = files.events(index, size=size)
        closed = {
            offset: Header.from_bytes(events[offset][:HEADER_BYTES])
            for offset, opening in enumerate(files.openings(index, size=size))
            if not opening and shape.op(start + offset) is not None and not shape.is_shredded(start + offset)
        }
        grant = self.grant
        return _Lacking(
            index,
            events,
            wanted=frozenset(
                at for at, one in closed.items() if grant.opens(one.collection, one.op, one.algorithm)
            ),
            possible=frozenset(
                at for at, one in closed.items() if grant.may_open(one.collection, one.algorithm)
            ),
        )

    def _reading(self, log: LogRecord, read: Callable[[], _T]) -> _T:
        """What `read` gives; whoever commits a head tidies up behind it, so a slower one may miss what it reads."""
        try:
            return read()
        except MissingObjectError:
            self._require_stands(log, self._stand()[0])
            raise

    async def _fetch(self, lacking: _Lacking) -> list[bytes | None]:
        width, first = len(lacking.events), lacking.first
        data = await self.api.openings(self.origin, index=lacking.index, width=width, first=first)
        self.done.received += len(data)
        return [None] * first + read_openings(data, width - first)

    def _take(
        self, log: LogRecord, shape: LogShape, lacking: _Lacking, openings: Sequence[bytes | None]
    ) -> None:
        """Verify what came of a bundle, and keep it: records of the guards first, so that nothing passes them by."""
        verify_openings(
            shape,
            origin_hash=origin_hash(log.origin),
            first_index=lacking.start,
            events=lacking.events,
            openings=openings,
            wanted=lacking.wanted,
            grant=self.grant,
        )
        new = {at: opening for at in sorted(lacking.possible) if (opening := openings[at]) is not None}
        taken = self._taken(log, lacking, new)
        suspects = [*self.guards.suspects(log, [taken.arrivals()]), *taken.suspects]
        with self.store.write() as unit:
            self._require_stands(log, unit.logs.get(log.origin))
            unit.entries.remove(log.id, taken.rows())  # of an attempt that was cut off
            taken.write(unit, log.id)
            aside = set_aside(unit, log, taken.adds, suspects=suspects, now_ms=self.now_ms)
            note_listed(self.store, unit, log, [(lacking.start + at, row) for at, row in new.items()])
            unit.logs.note_reopened(log)  # here for whoever is cut off before the next line is done
        self._reading(log, lambda: self._put(log, lacking.index, new))
        with self.store.write() as unit:
            unit.logs.note_reopened(log)
        self.done.openings += len(new)
        self.done.quarantined += aside

    def _taken(self, log: LogRecord, lacking: _Lacking, new: Mapping[int, bytes]) -> Taken:
        intake = EventIntake(self.store.vault, 0)
        for run in _runs(new):
            events = [lacking.events[at] for at in run]
            intake.take(lacking.start + run[0], events, [new[at] for at in run])
        with self.store.read() as unit:
            about = unit.touches.about(log.id, range(lacking.start, lacking.start + len(lacking.events)))
        intake.older(about)
        return intake.taken({})

    def _put(self, log: LogRecord, index: int, new: Mapping[int, bytes]) -> None:
        """Keep the openings, unless the list moved: then a wider bundle may have been written without them.

        What another process shredded while this one had the bundle in its hands is deleted again.
        """
        files, size = self._files(), log.head.size
        self.store.objects.put_all(files.with_openings(index, new, size=size))
        with self.store.read() as unit:
            now = unit.logs.get(log.origin)
            here = [each for each in unit.shreddings.ls(log.id) if each.position // BUNDLE_WIDTH == index]
        erased = [each.position for each in here if each.erased_ms is not None]
        self.store.objects.put_all(files.without_openings(erased, size=size))
        if len(erased) < len(here):
            carry_out(self.store, log.origin, now_ms=self.now_ms)
        if now.head != log.head:
            for name in files.stale_openings([index * BUNDLE_WIDTH], size=now.head.size):
                self.store.objects.delete(name)
        self._require_stands(log, now)

    def _require_stands(self, log: LogRecord, now: LogRecord) -> None:
        if now.head != log.head or now.pending is not None:
            raise ConflictError("{origin}: another pull was faster", log.origin, hint="sync again")


def _bundles(log: LogRecord) -> int:
    return -(-log.head.size // BUNDLE_WIDTH)


def _runs(offsets: Mapping[int, bytes]) -> Iterator[list[int]]:
    """Neighbouring offsets together."""
    for _, run in groupby(enumerate(offsets), lambda pair: pair[1] - pair[0]):
        yield [offset for _, offset in run]
