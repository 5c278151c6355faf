"""Whose turn it is at the evaluation process: a few batches at a time, in the order in which they came.

What waits is bounded by how long it would take, at the pace of this machine: whoever would be late is told at once,
before anything was spent on it. Who gives up waiting leaves the queue, and nothing is evaluated for it.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import Final

from node.errors import RateLimitedError

AT_ONCE: Final = 4
"""Batches at the process: both of its threads are busy, and what was given up there is soon done with."""
MAX_WAIT_SECONDS: Final = 5.0
"""What waits may take in all; a client that comes back later is answered as soon as one that waits."""
DEADLINE_SECONDS: Final = 20.0
"""Nobody waits for longer, whatever the pace: clients give up after a minute."""
_FIRST_PACE: Final = 4000.0
"""Elements a second until it is known; a machine of 2020 makes 10,000 to 20,000."""
_NEWS: Final = 0.25
_MOST_PAUSE_SECONDS: Final = 60


class Queue:
    """Turns are taken on event loops, and given back from whatever thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._elements = 0
        self._free = AT_ONCE
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pace = _FIRST_PACE
        self._last_done = 0.0

    @property
    def waiting(self) -> int:
        """Who waits for a turn."""
        return len(self._waiting)

    @contextmanager
    def reserved(self, count: int) -> Iterator[None]:
        """Room for `count` elements while the block lasts; raises `RateLimitedError`."""
        with self._lock:
            seconds = (self._elements + count) / self._pace
            if self._elements and seconds > MAX_WAIT_SECONDS:
                pause = math.ceil(seconds - MAX_WAIT_SECONDS)
                raise RateLimitedError(
                    "too much is being evaluated", retry_after_seconds=min(pause, _MOST_PAUSE_SECONDS)
                )
            self._elements += count
        try:
            yield
        finally:
            with self._lock:
                self._elements -= count

    async def turn(self) -> float:
        """Wait for a turn; when it began. Raises `RateLimitedError` after the deadline."""
        mine = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._free:
                self._free -= 1
                return monotonic()
            self._waiting.append(mine)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await mine
        except TimeoutError:
            self._leave(mine)
            raise RateLimitedError("the evaluation would be late", retry_after_seconds=1) from None
        except BaseException:
            self._leave(mine)
            raise
        return monotonic()

    def done(self, began: float, count: int) -> None:
        """Give a turn back after a batch of `count` elements; called in whatever thread has its reply."""
        now = monotonic()
        with self._lock:
            took = now - max(began, self._last_done)
            if took > 0 and count:
                self._pace += _NEWS * (count / took - self._pace)
            self._last_done = now
        self._give_back()

    def _leave(self, mine: "asyncio.Future[None]") -> None:
        with self._lock:
            waited = mine in self._waiting
            if waited:
                self._waiting.remove(mine)
        if not waited:  # its turn came in this very moment
            self._give_back()

    def _give_back(self) -> None:
        with self._lock:
            while self._waiting:
                following = self._waiting.popleft()
                if not following.get_loop().is_closed():
                    following.get_loop().call_soon_threadsafe(_grant, following)
                    return
            self._free += 1


def _grant(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_result(None)
