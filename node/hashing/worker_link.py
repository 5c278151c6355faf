"""The parent's end of one worker process: what it was handed, what it has told, and which file it died of."""

import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from node.hashing.confinement import environment, without_interrupts
from node.hashing.outcomes import Outcome, load, unpack
from node.hashing.plan import HashPlan
from node.hashing.worker import BEGUN, LENGTH

MAX_BATCH: Final = 64
_AHEAD: Final = 2
"""Batches that a worker has at a time: one at work, one to go on with."""
_QUICK_SECONDS: Final = 0.025
_SLOW_SECONDS: Final = 0.1
_READ_BYTES: Final = 256 * 1024
_MOST_MESSAGE: Final = 256 * 2**20

_CHILD: Final = "from node.hashing.worker import main; main()"


@dataclass(frozen=True, slots=True)
class Job:
    """A file to hash; `because` says why it is done without a look into it, after a look ended a worker."""

    place: int
    path: Path
    because: str = ""


@dataclass(frozen=True, slots=True)
class Death:
    """What a worker left: the job it died of, if it had begun with one, why, and the jobs that are to do again."""

    culprit: Job | None
    reason: str
    again: Sequence[Job]


class WorkerLink:
    """One worker process."""

    def __init__(self, plan: HashPlan) -> None:
        self._plan = plan
        with tempfile.TemporaryFile() as file, without_interrupts():
            file.truncate(BEGUN.size)
            self._shared = mmap.mmap(file.fileno(), BEGUN.size)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-P", "-c", _CHILD, str(file.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=(file.fileno(),),
                env=environment(),
            )
        self._jobs: deque[Job] = deque()
        self._batches: deque[tuple[int, float]] = deque()
        self._told = 0
        self._size = 1
        self._received = bytearray()
        self._write(pickle.dumps(plan))

    def fileno(self) -> int:
        """What becomes readable when it has told something, or died."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    @property
    def busy(self) -> bool:
        """Whether it has jobs."""
        return bool(self._jobs)

    @property
    def wanted(self) -> int:
        """How many jobs to hand it now: more where files are quick, so that messages do not cost; 0: it has enough."""
        return self._size if len(self._batches) < _AHEAD else 0

    def hand(self, jobs: Sequence[Job]) -> None:
        """Give it jobs."""
        self._jobs.extend(jobs)
        self._batches.append((self._told + len(self._jobs), time.monotonic()))
        self._write(pickle.dumps([(os.fsencode(job.path), bool(job.because)) for job in jobs]))

    def receive(self) -> list[tuple[Job, Outcome]] | None:
        """What it has told since; None when it died; raises anything for what is no outcome."""
        assert self._process.stdout is not None
        data = os.read(self._process.stdout.fileno(), _READ_BYTES)
        if not data:
            return None
        self._received += data
        found = []
        while (message := self._next_message()) is not None:
            found += self._told_in(message)
        self._measure()
        return found

    def _told_in(self, message: bytes) -> list[tuple[Job, Outcome]]:
        outcomes = load(message)
        jobs = list(islice(self._jobs, len(outcomes)))
        pairs = zip(jobs, outcomes, strict=True)
        found = [(job, unpack(packed, place=job.place, path=job.path)) for job, packed in pairs]
        for _ in found:
            self._jobs.popleft()
        self._told += len(found)
        return found

    def bury(self) -> Death:
        """Clear up after it died."""
        (begun,) = BEGUN.unpack_from(self._shared)
        jobs = list(self._jobs)
        self.close()
        at = begun - self._told - 1
        culprit = jobs.pop(at) if 0 <= at < len(jobs) else None
        return Death(culprit, self._reason(), jobs)

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._shared.close()
        self._jobs.clear()

    def _next_message(self) -> bytes | None:
        if len(self._received) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._received)
        if length > _MOST_MESSAGE:
            raise ValueError("an oversized message")
        end = LENGTH.size + length
        if len(self._received) < end:
            return None
        message = bytes(self._received[LENGTH.size : end])
        del self._received[:end]
        return message

    def _measure(self) -> None:
        """Adapt the size of batches to how long they take."""
        while self._batches and self._batches[0][0] <= self._told:
            _, handed = self._batches.popleft()
            took = time.monotonic() - handed
            if took < _QUICK_SECONDS:
                self._size = min(MAX_BATCH, 2 * self._size)
            elif took > _SLOW_SECONDS:
                self._size = max(1, self._size // 2)

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            view = memoryview(LENGTH.pack(len(data)) + data)
            while view:
                view = view[self._process.stdin.write(view) or 0 :]
        except BrokenPipeError:
            pass  # it died: the next `receive` tells

    def _reason(self) -> str:
        code = self._process.returncode
        if code == -signal.SIGALRM:
            return f"it took longer than {self._plan.bounds.seconds:g} seconds"
        if code < 0:
            return f"its worker process ended by {signal.Signals(-code).name}"
        return f"its worker process ended with {code}"
