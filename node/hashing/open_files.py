"""Processes that hash open files, for programs that wait for each of them: what was uploaded has no path.

For many files that have paths there is `node.hashing.workers`, which hands them out in batches. A process that crashes
or hangs costs its picture, and nothing else: the file whose decoding ended it is hashed again without its pictures and
archives, so that its exact hashes are judged whatever a decoder makes of it.
"""

import asyncio
import errno
import math
import os
import pickle
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Final, Self

from node.hashing.confinement import environment, without_interrupts
from node.hashing.file_hashes import Fault, Hashed
from node.hashing.open_file_worker import decode
from node.hashing.plan import HashPlan, seconds_for
from node.hashing.read import held_bytes
from node.journal import Journal

SMALL_BYTES: Final = 64 * 2**20
"""Most uploads, and what a proxy or a form may send."""
LARGE_BYTES: Final = 4 * 2**30
"""Most films."""
MAX_WAITING: Final = 64
"""Large files, and as many of the largest: whoever hands them over keeps places at a door."""
_LONGER: Final = (1, 10, 60)
"""So many times as long as a small file the others may wait."""
_CHILD: Final = "from node.hashing.open_file_worker import main; main()"
_MAX_ANSWER: Final = 256 * 2**20
_journal = Journal("hashing")


class _ChildFailedError(Exception):
    """The process ended, took too long or answered nonsense; the text says which."""


class _Lane:
    """Processes for files of like sizes, and since when files wait for one."""

    def __init__(self, jobs: int, plan: HashPlan, *, wait_seconds: float | None, max_waiting: float) -> None:
        self._wait_seconds = wait_seconds
        self._max_waiting = max_waiting
        self.processes = [HashProcess(plan) for _ in range(jobs)]
        self.idle: asyncio.LifoQueue[HashProcess] = asyncio.LifoQueue()
        for process in self.processes:
            self.idle.put_nowait(process)
        self.waits: dict[object, float] = {}

    async def take(self) -> "HashProcess":
        """A process that has nothing to do; raises OSError (EBUSY) where none has for too long."""
        if len(self.waits) >= self._max_waiting:
            raise _busy()
        wait = object()
        self.waits[wait] = time.monotonic()
        try:
            async with asyncio.timeout(self._wait_seconds):
                return await self.idle.get()
        except TimeoutError:
            raise _busy() from None
        finally:
            del self.waits[wait]


def _busy() -> OSError:
    return OSError(errno.EBUSY, "too many files wait to be hashed")


class HashProcesses:
    """`jobs` processes for small files, as many for large ones and one for the largest. An async context manager.

    Nobody waits for files that take far longer than his own, nor a small one more than `wait_seconds` for a process.
    Each is started when it is needed. On leaving they end at once, whatever they do; whoever waits is told so by
    OSError.
    """

    def __init__(self, jobs: int, plan: HashPlan, *, wait_seconds: float | None = None) -> None:
        most = math.inf if wait_seconds is None else MAX_WAITING
        self._small, self._large, self._largest = (
            _Lane(
                count,
                plan,
                wait_seconds=None if wait_seconds is None else wait_seconds * longer,
                max_waiting=most if longer > 1 else math.inf,
            )
            for count, longer in zip((jobs, jobs, 1), _LONGER, strict=True)
        )
        self._lanes = self._small, self._large, self._largest
        self._threads = ThreadPoolExecutor(2 * jobs + 1, "hashing")
        """Not those that everybody shares: whoever writes a hit down must not wait for a large file."""
        self._ended = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._ended = True
        for lane in self._lanes:
            for process in lane.processes:
                process.interrupt()
        for lane in self._lanes:
            for _ in lane.processes:
                (await lane.idle.get()).close()
        self._threads.shutdown()

    @property
    def waited_seconds(self) -> float:
        """How long the small file that waits longest has waited for a process; 0 when none waits."""
        now = time.monotonic()
        return now - min(self._small.waits.values(), default=now)

    async def hash(self, descriptor: int) -> Hashed:
        """As `HashProcess.hash`, without blocking; raises OSError with EBUSY where no process is free in time."""
        lane = self._lane(os.fstat(descriptor).st_size)
        process = await lane.take()
        if self._ended:
            lane.idle.put_nowait(process)
            raise OSError("this program is stopping")
        process.interrupted = False
        work = asyncio.get_running_loop().run_in_executor(self._threads, process.hash, descriptor)
        # The process is free when its thread is, also when whoever asked has gone away.
        work.add_done_callback(lambda _: lane.idle.put_nowait(process))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.done():  # otherwise the process is at the next file already
                process.interrupt()  # a large file takes hours, and nobody waits for it any more
            await asyncio.gather(work, return_exceptions=True)  # the descriptor is in use until then
            raise

    def _lane(self, size: int) -> _Lane:
        if size <= SMALL_BYTES:
            return self._small
        return self._large if size <= LARGE_BYTES else self._largest


class HashProcess:
    """One process; started by its first file, and again by the next one after it failed. A context manager."""

    def __init__(self, plan: HashPlan) -> None:
        self._plan = plan
        self._exact = replace(plan, images=False, archives=False)
        self._link: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.interrupted = False
        """Whether what it does, or is about to do, is not wanted any more."""
        self._killed = False
        """Whether it was, perhaps behind its last answer: the next file must not find it dead."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hash(self, descriptor: int) -> Hashed:
        """The hashes of an open regular file; raises OSError for what is none, or cannot be read. Blocks."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        seconds = seconds_for(held_bytes(status), self._plan.bounds)
        try:
            return self._asked(descriptor, self._plan, seconds)
        except _ChildFailedError as exc:
            if self.interrupted:
                raise OSError("this program is stopping") from None
            _journal.warning("hashing-failed", reason=str(exc), bytes=status.st_size)
            fault = Fault("", f"its pictures were not looked at: {exc}")
        try:
            exact = self._asked(descriptor, self._exact, seconds)
        except _ChildFailedError as exc:
            raise OSError(f"it cannot be hashed: {exc}") from exc
        return replace(exact, faults=(*exact.faults, fault))

    def interrupt(self) -> None:
        """Have `hash`, which another thread is in, fail soon."""
        self.interrupted = True
        process = self._process  # which the other thread may be taking away
        if process is not None:
            self._killed = True
            process.kill()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
        if self._link is not None:
            self._link.close()
        self._link = self._process = None
        self._killed = False

    def _asked(self, descriptor: int, plan: HashPlan, seconds: float) -> Hashed:
        try:
            link = self._started()
            until = time.monotonic() + seconds
            link.settimeout(seconds)
            socket.send_fds(link, [pickle.dumps(plan)], [descriptor])
            return decode(_message(link, until))
        except TimeoutError:
            self.close()
            raise _ChildFailedError(f"they took more than {seconds:g} s") from None
        except (OSError, EOFError):
            self.close()
            raise _ChildFailedError("their decoder failed") from None
        except Exception:  # noqa: BLE001 - made up by a decoder that was taken over
            self.close()
            raise _ChildFailedError("their decoder answered nonsense") from None

    def _started(self) -> socket.socket:
        if self._link is not None and not self._killed:
            return self._link
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, without_interrupts():
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-P", "-c", _CHILD],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                # libraries that decode pictures print what they do not like about a stranger's file
                stderr=subprocess.DEVNULL,
                env=environment(),
            )
        self._link = ours
        if self.interrupted:  # while it was started
            self._process.kill()
        return ours


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of `data`: the system may take a part of what it is given."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _message(link: socket.socket, until: float) -> bytes:
    size = int.from_bytes(_exactly(link, 4, until))
    if size > _MAX_ANSWER:
        raise ValueError("an oversized answer")
    return _exactly(link, size, until)


def _exactly(link: socket.socket, size: int, until: float) -> bytes:
    """The next bytes; raises TimeoutError, also where they come one by one."""
    data = bytearray()
    while len(data) < size:
        link.settimeout(max(0.001, until - time.monotonic()))
        chunk = link.recv(min(size - len(data), 1 << 20))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)
