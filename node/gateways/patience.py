"""How long whoever has a connection is waited for: less while every place at a door is taken.

Whoever opens connections and sends nothing, or byte by byte, would otherwise keep everybody else out for as long as the
slowest honest client may take.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from node.connections import CROWDED_SECONDS


class Patience:
    """What one service waits for, `seconds` at most for each thing, at all of its doors."""

    def __init__(self, seconds: float, *, crowded_seconds: float = CROWDED_SECONDS) -> None:
        self._seconds = seconds
        self._crowded_seconds = min(seconds, crowded_seconds)
        self._waits: dict[asyncio.Timeout, float] = {}
        self._full_doors = 0

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Wait for one thing of the other side; raises TimeoutError."""
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(self._crowded_seconds if self._full_doors else self._seconds) as limit:
            self._waits[limit] = began
            try:
                yield
            finally:
                del self._waits[limit]

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """While every place at one door is taken: whoever has been silent for long enough is let go."""
        self._full_doors += 1
        for limit, began in self._waits.items():
            if not limit.expired():
                limit.reschedule(began + self._crowded_seconds)
        try:
            yield
        finally:
            self._full_doors -= 1
