"""The jobs a running node does by itself: sync, publish, release. The only file that knows APScheduler.

A job is a coroutine function that is safe to run again at any time. One run of a job at a time; runs that were
missed are made up by one. A job that fails is journalled and tried again at its next time: a peer that is down must
not stop the node.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from keys.errors import SigfedError
from node.clock import SystemClock
from node.journal import Journal

_journal = Journal("scheduler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do every `minutes`; 0 switches it off."""

    name: str
    minutes: int
    work: Callable[[], Awaitable[None]]


Told = Callable[[str, str, float], None]
"""Hears of every run of a job: its name, how it ended, how many seconds it took."""


class Scheduler:
    """Runs jobs on the event loop it is started on."""

    def __init__(self, jobs: list[Job], *, told: Told | None = None) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._told = told
        for job in jobs:
            if job.minutes:
                self._add(job)

    def _add(self, job: Job) -> None:
        self._scheduler.add_job(
            run_guarded,
            IntervalTrigger(minutes=job.minutes, jitter=min(30, job.minutes * 6)),
            args=[job],
            kwargs={"told": self._told},
            id=job.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    def start(self) -> None:
        """Begin; the first run of each job is one interval from now."""
        self._scheduler.start()

    def names(self) -> list[str]:
        """Names of the jobs that are switched on, sorted."""
        return sorted(str(job.id) for job in self._scheduler.get_jobs())

    def run_now(self, name: str) -> None:
        """Let a job run as soon as possible instead of at its next time."""
        self._scheduler.modify_job(name, next_run_time=SystemClock().now())

    def stop(self) -> None:
        """Begin no more jobs."""
        self._scheduler.shutdown(wait=False)


async def run_guarded(job: Job, *, told: Told | None = None) -> None:
    """Run a job once; our own failures are journalled, bugs are raised. `told` hears how it ended.

    Whoever stops the node cuts a job off: that is no bug, and APScheduler would journal it with a traceback.
    """
    now = SystemClock().now
    started, outcome = now(), "crashed"
    try:
        with suppress(asyncio.CancelledError):
            outcome = await _outcome(job)
    finally:
        if told is not None:
            told(job.name, outcome, (now() - started).total_seconds())


async def _outcome(job: Job) -> str:
    try:
        await job.work()
    except SigfedError as exc:
        _journal.warning("job-failed", job=job.name, error=type(exc).__name__, reason=str(exc))
        return "failed"
    _journal.info("job-done", job=job.name)
    return "done"
