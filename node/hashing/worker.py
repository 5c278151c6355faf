"""A worker process: hashes the files that its parent names, and tells it what it found.

It bounds itself, because a decoder that hangs or grows listens to nobody: the kernel ends it with SIGALRM when a file
takes too long, and refuses it memory. It leaves no core dump, which would hold pictures. It ends at once when its
standard input ends: its parent is gone. Ctrl-C is for the parent alone.
"""

import mmap
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from struct import Struct
from threading import Thread
from typing import IO, Final

from node.hashing.confinement import confine
from node.hashing.file_hashes import Fault
from node.hashing.outcomes import Packed, dump, pack_hashed, pack_unreadable
from node.hashing.plan import HashPlan, seconds_for
from node.hashing.read import hash_path, reason_of

LENGTH: Final = Struct(">I")
"""Before each message, in both directions."""
BEGUN: Final = Struct("=Q")
"""In the memory that it shares with its parent: how many files it has begun with."""
FLUSH_SECONDS: Final = 0.05
_STEP_BYTES: Final = 64 * 2**20

Item = tuple[bytes, bool]
"""A path, and whether only the exact hashes are wanted."""


def main() -> None:
    """Run the process: plan and batches on standard input, outcomes on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not write into a message
    plan = pickle.loads(read_message(sys.stdin.buffer) or b"")  # noqa: S301 - from its parent
    with mmap.mmap(int(sys.argv[1]), BEGUN.size) as shared:
        confine(plan.bounds.memory_bytes)
        _quiet()
        _Service(plan, replies, shared).serve(_batches(sys.stdin.buffer))


def read_message(stream: IO[bytes]) -> bytes | None:
    """The next message; None when the other end is gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    data = stream.read(length)
    return data if len(data) == length else None


def _batches(requests: IO[bytes]) -> Iterator[Sequence[Item]]:
    """What the parent sends; read in a thread, so that its end is noticed in the middle of a file."""
    queue: SimpleQueue[Sequence[Item]] = SimpleQueue()

    def read() -> None:
        while (data := read_message(requests)) is not None:
            queue.put(pickle.loads(data))  # noqa: S301 - from its parent
        os._exit(0)

    Thread(target=read, daemon=True).start()
    while True:
        yield queue.get()


class _Service:
    """Does one file after the other, and sends outcomes before anybody waits long for them."""

    def __init__(self, plan: HashPlan, replies: IO[bytes], shared: mmap.mmap) -> None:
        self._plan = plan
        self._plain = replace(plan, images=False, archives=False)
        self._replies = replies
        self._shared = shared
        self._begun = 0
        self._done: list[Packed] = []
        self._sent = time.monotonic()

    def serve(self, batches: Iterator[Sequence[Item]]) -> None:
        for batch in batches:
            for path, plain in batch:
                self._begin(path)
                self._done.append(_outcome(Path(os.fsdecode(path)), self._plain if plain else self._plan))
                if time.monotonic() - self._sent > FLUSH_SECONDS:
                    self._send()
            self._send()

    def _begin(self, path: bytes) -> None:
        self._begun += 1
        BEGUN.pack_into(self._shared, 0, self._begun)
        try:
            size = os.lstat(path).st_size
        except OSError:
            size = 0
        if size > _STEP_BYTES:
            self._send()  # it will take a while
        signal.setitimer(signal.ITIMER_REAL, seconds_for(size, self._plan.bounds))

    def _send(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)  # how long the parent takes to listen is no fault of a file
        if self._done:
            message = dump(self._done)
            self._replies.write(LENGTH.pack(len(message)) + message)
            self._replies.flush()
            self._done.clear()
        self._sent = time.monotonic()


def _outcome(path: Path, plan: HashPlan) -> Packed:
    try:
        return pack_hashed(hash_path(path, plan))
    except OSError as fault:
        return pack_unreadable(reason_of(fault))
    except Exception as fault:  # noqa: BLE001 - one bad file must not end a run; its exact hashes still count
        return _without_a_look(path, plan, type(fault).__name__)


def _without_a_look(path: Path, plan: HashPlan, reason: str) -> Packed:
    try:
        hashed = hash_path(path, replace(plan, images=False, archives=False))
    except OSError as fault:
        return pack_unreadable(reason_of(fault))
    return pack_hashed(replace(hashed, faults=(Fault("", f"not looked into: {reason}"),)))


def _quiet() -> None:
    """Decoders write warnings about strangers' files to standard error; what counts is told as a fault."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
