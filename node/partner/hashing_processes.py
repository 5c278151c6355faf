"""Processes that hash open files for others: one that crashes or hangs costs its picture, and nothing else.

The file whose decoding ended a process is hashed again without its pictures and archives, so that its exact hashes are
judged whatever a decoder makes of it.
"""

import asyncio
import os
import pickle
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from node.hashing.hashed import Fault, Hashed
from node.hashing.plan import HashPlan
from node.journal import Journal
from node.partner.hashing_child import decode
from protocol.errors import ProtocolError

_CHILD: Final = "from node.partner.hashing_child import main; main()"
_MAX_ANSWER: Final = 256 * 2**20
_MIB64: Final = 64 * 2**20
_journal = Journal("hashing")


class _ChildFailedError(Exception):
    """The process ended, took too long or answered nonsense; the text says which."""


class HashProcesses:
    """`jobs` processes that are started when they are needed. An async context manager."""

    def __init__(self, jobs: int, plan: HashPlan) -> None:
        self._idle: asyncio.LifoQueue[HashProcess] = asyncio.LifoQueue()
        for _ in range(jobs):
            self._idle.put_nowait(HashProcess(plan))
        self._jobs = jobs

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in range(self._jobs):
            (await self._idle.get()).close()

    async def hash(self, descriptor: int) -> Hashed:
        """As `HashProcess.hash`, without blocking."""
        process = await self._idle.get()
        work = asyncio.create_task(asyncio.to_thread(process.hash, descriptor))
        # The process is free when its thread is, also when whoever asked has gone away.
        work.add_done_callback(lambda _: self._idle.put_nowait(process))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.gather(work, return_exceptions=True)  # the descriptor is in use until then
            raise


class HashProcess:
    """One process; started by its first file, and again by the next one after it failed. A context manager."""

    def __init__(self, plan: HashPlan) -> None:
        self._plan = plan
        self._exact = replace(plan, images=False, archives=False)
        self._link: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hash(self, descriptor: int) -> Hashed:
        """The hashes of an open regular file; raises OSError for what is none, or cannot be read. Blocks."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        seconds = self._plan.bounds.seconds * (1 + status.st_size // _MIB64)
        try:
            return self._asked(descriptor, self._plan, seconds)
        except _ChildFailedError as exc:
            _journal.warning("hashing-failed", reason=str(exc), bytes=status.st_size)
            fault = Fault("", f"its pictures were not looked at: {exc}")
        try:
            exact = self._asked(descriptor, self._exact, seconds)
        except _ChildFailedError as exc:
            raise OSError(f"it cannot be hashed: {exc}") from exc
        return replace(exact, faults=(*exact.faults, fault))

    def _asked(self, descriptor: int, plan: HashPlan, seconds: float) -> Hashed:
        try:
            link = self._started()
            link.settimeout(seconds)
            socket.send_fds(link, [pickle.dumps(plan)], [descriptor])
            size = int.from_bytes(_exactly(link, 4))
            if size > _MAX_ANSWER:
                raise _ChildFailedError("its decoder answered nonsense")
            return decode(_exactly(link, size))
        except TimeoutError:
            self.close()
            raise _ChildFailedError(f"they took more than {seconds:g} s") from None
        except (OSError, EOFError):
            self.close()
            raise _ChildFailedError("their decoder failed") from None
        except (ValueError, TypeError, ProtocolError):
            self.close()
            raise _ChildFailedError("their decoder answered nonsense") from None

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
        if self._link is not None:
            self._link.close()
        self._link = self._process = None

    def _started(self) -> socket.socket:
        if self._link is not None:
            return self._link
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-P", "-c", _CHILD],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                # libraries that decode pictures print what they do not like about a stranger's file
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        self._link = ours
        return ours


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of `data`: the system may take a part of what it is given."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _environment() -> dict[str, str]:
    """Nothing of the daemon's own environment but what Python needs."""
    path = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return {**kept, **coverage, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _exactly(link: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = link.recv(min(size - len(data), 1 << 20))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)
