"""How long whoever has a connection is waited for: while every place at a door is taken, the slowest are let go.

Whoever opens connections and sends nothing, or byte by byte, would otherwise keep everybody else out for as long as the
slowest honest client may take. Who sends faster than they do keeps its place: to take one away costs an attacker more
than what honest clients send.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from node.connections import CROWDED_SECONDS

_TIMES: Final = 10
"""So often, in that time, one of them is let go and a part of the others: not all, for the fastest may be honest."""
WHOLE_SECONDS: Final = 300.0
"""For all of one file that is received to be judged: what is held of it is not held for ever.

What the ICAP service only passes on may take any time, as a large download over a slow line does. It keeps its place
until every place is taken and it is the slowest.
"""


@dataclass(slots=True)
class Pace:
    """Of one connection: what came over it, and how long it was waited for."""

    received: int = 0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wait:
    pace: Pace
    began: float

    def seconds(self, now: float) -> float:
        return self.pace.waited + now - self.began


class Patience:
    """What one door waits for: `seconds` at most for each thing."""

    def __init__(self, seconds: float, *, crowded_seconds: float = CROWDED_SECONDS) -> None:
        self.seconds = seconds
        self._crowded_seconds = min(seconds, crowded_seconds)
        self._waits: dict[asyncio.Timeout, _Wait] = {}

    @asynccontextmanager
    async def waiting(self, pace: Pace) -> AsyncIterator[None]:
        """Wait for one thing of the other side; raises TimeoutError."""
        loop = asyncio.get_running_loop()
        wait = _Wait(pace, loop.time())
        async with asyncio.timeout(self.seconds) as limit:
            self._waits[limit] = wait
            try:
                yield
            finally:
                del self._waits[limit]
                pace.waited = wait.seconds(loop.time())

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """While every place is taken: the slowest of those who have had their time are let go, one after another."""
        letting_go = asyncio.create_task(self._let_go())
        try:
            yield
        finally:
            letting_go.cancel()

    async def _let_go(self) -> None:
        while True:
            now = asyncio.get_running_loop().time()
            rates = {
                limit: wait.pace.received / wait.seconds(now)
                for limit, wait in self._waits.items()
                if wait.seconds(now) > self._crowded_seconds and not limit.expired()
            }
            for limit in nsmallest(1 + len(rates) // _TIMES, rates, key=lambda limit: rates[limit]):
                limit.reschedule(now)
            await asyncio.sleep(self._crowded_seconds / _TIMES)
