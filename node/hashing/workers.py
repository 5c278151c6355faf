"""Many files, hashed by several processes; none of the files ends the run.

Decides who gets which file, how much is under way, and what is done about a file of which a worker died: its exact
hashes are taken once more without a look into it, so that nothing on a list hides behind a picture that crashes its
decoder. How a file is hashed is `node.hashing.read`'s matter, what bounds it `node.hashing.worker`'s.
"""

import os
import selectors
import socket
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from node.errors import NodeError
from node.hashing.file_hashes import Fault
from node.hashing.outcomes import Outcome
from node.hashing.plan import HashPlan
from node.hashing.worker_link import Job, WorkerLink

_MOST_FALSE_STARTS: Final = 3
_LONGEST_WAIT_SECONDS: Final = 1.0
"""Ctrl-C that comes just before a wait ends none; it must not be lost until a worker is done with a large file."""
_SMALL_BYTES: Final = 256 * 1024
"""Of all files together: one worker is done with them sooner than a second one has started."""
_BYTES_OF_A_FILE: Final = 4096
"""Opening and closing a file takes as long as hashing so many bytes of it."""


def hash_files(paths: Iterable[Path], plan: HashPlan) -> list[Outcome]:
    """Hash files, one for each processor at a time; their outcomes in the order of the paths. Raises as `results`."""
    with HashWorkers(processors(), plan) as workers:
        return sorted(workers.results(paths), key=lambda outcome: outcome.place)


class HashWorkers:
    """Worker processes; a context manager. They start when there is work, one for few small files, and end with it.

    At most `jobs` times 128 files are under way or waiting to be taken by the caller. Not safe for several threads, but
    for `stop`.
    """

    def __init__(self, jobs: int, plan: HashPlan) -> None:
        self._jobs = jobs
        self._plan = plan
        self._links: list[WorkerLink] = []
        self._selector = selectors.DefaultSelector()
        self._stopped, self._stopper = socket.socketpair()
        self._selector.register(self._stopped, selectors.EVENT_READ)
        self._false_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, whatever they do."""
        for link in list(self._links):
            self._drop(link)
            link.close()
        self._selector.close()
        self._stopped.close()
        self._stopper.close()

    def stop(self) -> None:
        """End `results` now, whatever is under way; from any thread, while the workers are open."""
        self._stopper.send(b"\x00")

    def results(self, paths: Iterable[Path]) -> Generator[Outcome, None, None]:
        """Hash files; an outcome for each, in the order in which they are ready.

        Paths are taken as workers become free, and taking them blocks. Ending the iteration early ends what is under
        way.

        Raises:
            NodeError: no worker process starts.
        """
        feed = _Feed(paths)
        try:
            while True:
                self._hand_out(feed)
                if not any(link.busy for link in self._links):
                    return
                for key, _ in self._selector.select(_LONGEST_WAIT_SECONDS):
                    link = key.fileobj
                    if link is self._stopped:
                        return
                    assert isinstance(link, WorkerLink)
                    yield from self._collect(link, feed)
        finally:
            for link in [link for link in self._links if link.busy]:
                self._drop(link)
                link.close()

    def _hand_out(self, feed: "_Feed") -> None:
        for link in self._links:
            _hand(link, feed)
        while self._too_few(feed) and (jobs := feed.take(1)):
            link = WorkerLink(self._plan)
            self._links.append(link)
            self._selector.register(link, selectors.EVENT_READ)
            link.hand(jobs)

    def _too_few(self, feed: "_Feed") -> bool:
        return not self._links or (len(self._links) < self._jobs and not feed.is_small())

    def _collect(self, link: WorkerLink, feed: "_Feed") -> Iterator[Outcome]:
        try:
            found = link.receive()
        except Exception:  # noqa: BLE001 - no outcome at all: made up by a decoder that was taken over
            found = None
        if found is None:
            yield from self._replace(link, feed)
            return
        for job, outcome in found:
            self._false_starts = 0
            yield _explained(job, outcome)

    def _replace(self, link: WorkerLink, feed: "_Feed") -> Iterator[Outcome]:
        """Take the jobs back from a worker that died; the next to be handed out start another."""
        self._drop(link)
        death = link.bury()
        feed.put_back(death.again)
        job = death.culprit
        if job is None:
            self._false_starts += 1
            if self._false_starts >= _MOST_FALSE_STARTS:
                raise NodeError("no worker process starts: {reason}", death.reason)
        elif job.because:
            yield Outcome(job.place, job.path, None, death.reason)
        else:
            feed.put_back([replace(job, because=death.reason)])

    def _drop(self, link: WorkerLink) -> None:
        self._links.remove(link)
        self._selector.unregister(link)


class _Feed:
    """Jobs to hand out: those that came back or were looked at first, then the caller's paths."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = enumerate(paths)
        self._back: deque[Job] = deque()
        self._bytes = 0
        """Of the files so far, until they are not small."""

    def take(self, count: int) -> list[Job]:
        found = [self._back.popleft() for _ in range(min(count, len(self._back)))]
        while len(found) < count and (job := self._next()) is not None:
            found.append(job)
        return found

    def put_back(self, jobs: Iterable[Job]) -> None:
        self._back.extend(jobs)

    def is_small(self) -> bool:
        """Whether all files are small together; looks at no more of them than it takes to tell."""
        while self._bytes <= _SMALL_BYTES:
            if (job := self._next()) is None:
                return True
            self._back.append(job)
        return False

    def _next(self) -> Job | None:
        following = next(self._paths, None)
        if following is None:
            return None
        job = Job(*following)
        if self._bytes <= _SMALL_BYTES:
            with suppress(OSError):  # what cannot be read is an outcome
                self._bytes += job.path.lstat().st_size
            self._bytes += _BYTES_OF_A_FILE
        return job


def _hand(link: WorkerLink, feed: _Feed) -> None:
    while (wanted := link.wanted) and (jobs := feed.take(wanted)):
        link.hand(jobs)


def _explained(job: Job, outcome: Outcome) -> Outcome:
    """An outcome with the fault of which a worker died before."""
    if not job.because or outcome.hashed is None:
        return outcome
    fault = Fault("", f"not looked into: {job.because}")
    return replace(outcome, hashed=replace(outcome.hashed, faults=(*outcome.hashed.faults, fault)))


def processors() -> int:
    """How many processes can work at a time: the processors this one may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
