"""Whether a node can answer, beside whether it runs: for whoever starts it, watches it or puts a proxy before it.

Anybody may ask, so what is asked of the store is asked once for all who want to know within a moment.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from node.clock import Clock
from node.errors import StoreDownError

_GOOD_FOR: Final = timedelta(seconds=1)
_PATIENCE_SECONDS: Final = 5.0


class Readiness:
    """What `check` said last; it raises what stands in the way, and may block.

    What it returns is whether what is added here gets signed.
    """

    def __init__(self, check: Callable[[], bool], clock: Clock) -> None:
        self._check = check
        self._clock = clock
        self._asked: asyncio.Task[bool] | None = None
        self._at: datetime | None = None

    async def require(self) -> bool:
        """What was said; raises what stands in the way, `StoreDownError` too for a store that says nothing."""
        now = self._clock.now()
        fresh = self._at is not None and timedelta() <= now - self._at < _GOOD_FOR
        if self._asked is None or (self._asked.done() and not fresh):
            self._asked, self._at = asyncio.create_task(asyncio.to_thread(self._check)), now
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.shield(self._asked)
        except TimeoutError:
            raise StoreDownError("the store does not answer") from None
