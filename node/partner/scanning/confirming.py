"""Confirming what survives the screen while files are being read: in padded batches, at a cadence, as the node lets us.

What waits to be asked is in the state, so nothing is lost when the node is away: it stays unconfirmed, and this run
tries again now and then, the next one from its beginning.
"""

import asyncio
from typing import Final

from node.errors import (
    EvaluatorDownError,
    NodeError,
    PeerUnreachableError,
    RateLimitedError,
)
from node.partner.scanning.judging import Asking
from node.partner.scanning.reading import Progress
from node.partner.scanning.state import Run, ScanState

BEAT_SECONDS: Final = 2.0
"""Between two batches: the node cannot tell from their times which file was read when."""
RETRY_SECONDS: Final = 60.0
"""After a failure that may pass."""
_FILES: Final = 512
"""In a batch, unless many have to be asked about: with three or four hashes each, 2 048 elements at most."""
_PASSING: Final = (PeerUnreachableError, RateLimitedError, EvaluatorDownError)


class Confirming:
    """Asks about what a run's reading leaves pending."""

    def __init__(
        self, state: ScanState, run: Run, asking: Asking, progress: Progress, *, beat: float = BEAT_SECONDS
    ) -> None:
        self._state = state
        self._run = run
        self._asking = asking
        self._progress = progress
        self._beat = beat
        self.stopped: NodeError | None = None
        """Why what is pending was not asked about."""

    async def until(self, read: asyncio.Event) -> None:
        """Ask at each beat until everything is read, then about all that is left."""
        loop = asyncio.get_running_loop()
        following = loop.time()
        while not read.is_set():
            if self._may_go_on and loop.time() >= following:
                await self._ask()
                following = loop.time() + (RETRY_SECONDS if self.stopped else self._beat)
            await _wait(read, self._beat)
        if self._may_go_on:
            await self._ask()

    @property
    def _may_go_on(self) -> bool:
        return self.stopped is None or isinstance(self.stopped, _PASSING)

    async def _ask(self) -> None:
        """Ask about all that is pending now."""
        after = 0
        try:
            while files := self._state.files.pending(self._run, after=after, limit=_FILES):
                self._progress.hits += await self._asking.ask(files)
                after = files[-1].id
        except NodeError as exc:
            self.stopped = exc
        else:
            self.stopped = None


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
