"""A partner's scan, joined: sources, state, release, connection, worker processes, signals."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final

from node.clock import DAY_MS, SystemClock, milliseconds
from node.errors import ListTooOldError, NodeError, NotInitialisedError, StoreError, UsageError
from node.hashing.plan import HashPlan
from node.hashing.workers import HashWorkers
from node.home import Home
from node.hoster.client import confirmed, covered_examiner
from node.hoster.cover import Pace
from node.hoster.folder import PartnerFolder
from node.hoster.hits.homes import hit_spool
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.own_node import pace_of
from node.hoster.scan.history import keep_scan
from node.hoster.scan.judge import Asking, Screening
from node.hoster.scan.objects import Bucket
from node.hoster.scan.reader import Progress, Reading, locally, plan_name
from node.hoster.scan.results import FileResult, ScanSummary
from node.hoster.scan.run import Ended, Stopping, run_scan
from node.hoster.scan.scans import default_state
from node.hoster.scan.sources import Walk, read_list
from node.hoster.scan.state import Run, ScanState, open_state, own_files, state_key
from node.objects.bucket import SCHEME

_CLOCK = SystemClock()
_UNSEEN_DAYS: Final = 90
"""After which a file that no scan has met is forgotten: one that was away for a while is not read again."""
_LISTED: Final = "list "
"""Before the name of a list of paths, as the name of a source."""
_DRAWN_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 3.0
"""With monitoring, which looks at the state now and then."""

Drawing = Callable[[Progress], None]
"""Shows how far a scan has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be scanned, and how."""

    paths: tuple[str, ...] = ()
    listed: tuple[str, BinaryIO] | None = None
    """A list of paths: its name, and where to read it."""
    separator: bytes = b"\n"
    jobs: int = 0
    """Worker processes; 0: one for each processor."""
    plan: HashPlan = field(default_factory=HashPlan)
    max_age_days: int | None = None
    offline: bool = False
    resume: bool = False
    """Scan what was scanned last with this state."""

    @property
    def sources(self) -> tuple[str, ...]:
        """All of them, by name."""
        return (*self.paths, *([_LISTED + self.listed[0]] if self.listed else []))


class Scan:
    """A scan over an open state: it runs once, then its results can be read."""

    def __init__(self, home: Home, state: ScanState, wanted: Wanted) -> None:
        self._home = home
        self._state = state
        self._wanted = replace(wanted, paths=_resumed(state)) if wanted.resume else wanted
        self._stopping = Stopping()
        self._run: Run | None = None
        self._passed_over = 0
        self.progress = Progress()
        self.evaluated = 0
        """Blinded values that were sent."""

    @property
    def resumes(self) -> bool:
        """Whether it goes on with a run that was interrupted."""
        return self._begun.resumed

    @property
    def summary(self) -> ScanSummary:
        """The run in sum, as far as it has come."""
        to_undo = sum(hit.to_undo for hit in hit_spool(self._home).readable().hits)
        return replace(self._state.runs.summary(self._begun), to_undo=to_undo)

    def results(self) -> Iterator[FileResult]:
        """All files of the run, in order of their paths."""
        return self._state.files.results(self._begun)

    def stop(self) -> None:
        """End it now; a later scan of the same sources with the same state goes on."""
        self._stopping.stop()

    async def scan(self, draw: Drawing | None = None, *, on_status: Drawing | None = None) -> Ended:
        """Run it; SIGINT and SIGTERM end it, SIGUSR1 has `on_status` called, `draw` is called twice a second.

        Raises:
            NotInitialisedError: there is no release yet.
            ListTooOldError: the release is too old to say anything, or older than was wanted.
        """
        loop = asyncio.get_running_loop()
        acts: dict[signal.Signals, Callable[[], None]] = {signal.SIGINT: self.stop, signal.SIGTERM: self.stop}
        if on_status is not None:
            acts[signal.SIGUSR1] = lambda: on_status(self.progress)
        for number, act in acts.items():
            loop.add_signal_handler(number, act)
        drawing = asyncio.create_task(_draw(draw, self.progress)) if draw is not None else None
        if draw is not None and not self._wanted.listed:
            Thread(target=self._count, daemon=True).start()
        try:
            return await self._scan()
        finally:
            for number in acts:
                loop.remove_signal_handler(number)
            if drawing is not None:
                drawing.cancel()
                await asyncio.gather(drawing, return_exceptions=True)
            if draw is not None:
                draw(self.progress)

    async def _scan(self) -> Ended:
        unreachable = None if self._wanted.offline else await self._confirm()
        folder = PartnerFolder(self._home.partner)
        enrolment, held = HeldReleases(folder).in_force()
        if held is None:
            raise NotInitialisedError("there is no release yet", hint="fetch one with: sigfed update")
        age_ms = max(0, _now_ms() - enrolment.confirmed_ms)
        self._require_young(age_ms)
        examiner = covered_examiner(self._home, enrolment, held)
        examiner.require_current()
        self._run = self._state.runs.begin(self._wanted.sources, now_ms=_now_ms())
        self._state.runs.judge_with(
            self._run,
            subset=enrolment.subset,
            version=held.version,
            age_ms=age_ms,
            screen_only=self._wanted.offline,
        )
        screening = Screening(held)
        asking = Asking(self._state, screening, examiner, hit_spool(self._home), _CLOCK)
        asks = not self._wanted.offline and unreachable is None
        ended = await self._read(screening, asking, pace_of(self._home, enrolment, held) if asks else None)
        self.evaluated = examiner.evaluated
        if not ended.interrupted:
            self._state.runs.end(self._run, now_ms=_now_ms(), passed_over=self._passed_over)
            keep_scan(self._home.partner, self.summary)
            self._state.files.forget(self._run, before_ms=_now_ms() - _UNSEEN_DAYS * DAY_MS)
            try:
                self._state.scrub()
            except StoreError as exc:
                ended = replace(ended, unscrubbed=exc)
        return replace(ended, stopped=ended.stopped or unreachable)

    async def _confirm(self) -> NodeError | None:
        """Make sure that the keys count which answers are proven with; why that could not be done."""
        try:
            await confirmed(self._home)
        except NodeError as exc:
            return exc
        return None

    def _require_young(self, age_ms: int) -> None:
        allowed = self._wanted.max_age_days
        if allowed is not None and age_ms > allowed * DAY_MS:
            raise ListTooOldError(
                "the node last confirmed this list {days} days ago, and --max-age allows {allowed}",
                age_ms // DAY_MS,
                allowed,
                hint="fetch a newer one with: sigfed update",
            )

    async def _read(self, screening: Screening, asking: Asking, pace: Pace | None) -> Ended:
        jobs = self._wanted.jobs or len(os.sched_getaffinity(0))
        buckets = [Bucket(path) for path in self._wanted.paths if path.startswith(SCHEME)]
        with HashWorkers(jobs, self._wanted.plan) as workers:
            self._stopping.then(workers.stop)

            def read(reading: Reading) -> None:
                walk = Walk(skip=self._own)
                local = [path for path in self._wanted.paths if not path.startswith(SCHEME)]
                reading.read(walk.paths(local), locally(workers))
                for bucket in buckets:
                    reading.read(bucket.items(), bucket.hashing(jobs, self._wanted.plan))
                if self._wanted.listed is not None:
                    name, stream = self._wanted.listed
                    listed = read_list(stream, separator=self._wanted.separator)
                    reading.read(walk.listed(_LISTED + name, listed), locally(workers))
                self._passed_over = walk.passed_over

            return await run_scan(
                self._state,
                self._begun,
                screening,
                read,
                asking=asking,
                pace=pace,
                plan=plan_name(self._wanted.plan),
                progress=self.progress,
                stopping=self._stopping,
            )

    @property
    def _own(self) -> frozenset[bytes]:
        return own_files(self._state.path) | {os.fsencode(self._home.partner)}

    @property
    def _begun(self) -> Run:
        assert self._run is not None, "it has run"
        return self._run

    def _count(self) -> None:
        """How much there is in all: for the progress alone, beside the scan."""
        files = octets = 0
        if any(path.startswith(SCHEME) for path in self._wanted.paths):
            return
        for item in Walk(skip=self._own).paths(self._wanted.paths):
            files, octets = files + 1, octets + item.size
            if self._stopping:
                return
        self.progress.total_files, self.progress.total_bytes = files, octets


@contextmanager
def open_scan(home: Home, wanted: Wanted, state: Path | None = None) -> Iterator[Scan]:
    """A scan of the partner in `home`; its state is in `state`, or in the partner's folder.

    Raises:
        NotInitialisedError: nobody is enrolled there.
        StoreLockedError: another scan uses the state.
        UsageError: there is nothing to resume.
        ConfigError, StoreError: the state cannot be used.
    """
    PartnerFolder(home.partner).load()  # where nobody is enrolled, not even a state is left behind
    path = (state or default_state(home)).absolute()
    with open_state(path, state_key(home.partner), patience_seconds=_PATIENCE_SECONDS) as opened:
        yield Scan(home, opened, wanted)


def _resumed(state: ScanState) -> tuple[str, ...]:
    last = state.runs.last()
    if last is None:
        raise UsageError("nothing was scanned with this state yet", hint="sigfed scan PATH…")
    if any(source.startswith(_LISTED) for source in last.sources):
        raise UsageError(
            "the last scan read a list of files",
            hint="give the list again: the same command goes on where it was",
        )
    return last.sources


async def _draw(draw: Drawing, progress: Progress) -> None:
    while True:
        await asyncio.sleep(_DRAWN_SECONDS)
        draw(progress)


def _now_ms() -> int:
    return milliseconds(_CLOCK.now())
