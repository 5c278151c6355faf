"""The beat of a scan: what survives the screen while files are read is asked about in batches of a size known before.

How much is sent follows from how many hashes were read, not from how many survived. What waits to be asked is in the
state, so nothing is lost when the node is away, and what waited before this scan waits for its turn. Of the files that
this scan read none waits: what its batches cannot hold is asked about at once, and whoever scans is told.
"""

import asyncio
from typing import Final

from node.errors import EvaluatorDownError, NodeError, PeerUnreachableError, RateLimitedError
from node.hoster.cover import BATCH, Cover, Pace, elements
from node.hoster.scan.judge import Asking
from node.hoster.scan.reader import Progress
from node.hoster.scan.state import Run, ScanState

BEAT_SECONDS: Final = 2.0
"""Between two batches: the node cannot tell from their times which file was read when."""
RETRY_SECONDS: Final = 60.0
"""After a failure that may pass."""
_FILES: Final = 512
"""That are asked about at once together."""
_PASSING: Final = (PeerUnreachableError, RateLimitedError, EvaluatorDownError)


class ScanBeat:
    """Sends the batches of one run."""

    def __init__(
        self,
        state: ScanState,
        run: Run,
        asking: Asking,
        progress: Progress,
        pace: Pace,
        *,
        beat: float = BEAT_SECONDS,
    ) -> None:
        self._state = state
        self._run = run
        self._asking = asking
        self._progress = progress
        self._pace = pace
        self._beat = beat
        self._begun = 0.0
        self._sent = 0
        self.stopped: NodeError | None = None
        """Why what is pending was not asked about."""
        self.at_once = 0
        """Files that the batches could not hold."""

    async def until(self, read: asyncio.Event) -> None:
        """Send at each beat until everything is read, then what is left."""
        loop = asyncio.get_running_loop()
        self._begun = loop.time()
        while self._may_go_on and not read.is_set():
            now = loop.time()
            await self._try(last=False)
            # However long it took to record what came: that depends on what was found.
            await _wait(read, now + (RETRY_SECONDS if self.stopped else self._beat) - loop.time())
        await read.wait()
        if self._may_go_on:
            await self._try(last=True)

    @property
    def _may_go_on(self) -> bool:
        return self.stopped is None or isinstance(self.stopped, _PASSING)

    async def _try(self, *, last: bool) -> None:
        try:
            await self._send(last=last)
        except NodeError as exc:
            self.stopped = exc
        else:
            self.stopped = None
        self._progress.hits = len(self._asking.found)

    async def _send(self, *, last: bool) -> None:
        if self._pace.cover is Cover.OFF:
            await self._at_once(seen=True)
            return
        due = elements(self._progress.hashes, self._pace.chance) - (0 if last else BATCH)
        while self._sent < due:
            size = self._pace.one_batch(due - self._sent)
            self._sent += size  # whatever becomes of it: what is not answered goes with another
            await self._asking.beat(size, self._run, begun=self._begun)
        if last:
            self.at_once = await self._at_once(seen=False)

    async def _at_once(self, *, seen: bool) -> int:
        """Ask about all that is pending of what this run read, or has seen; how many files that were."""
        after = count = 0
        while files := self._state.files.waiting(self._run, seen=seen, after=after, limit=_FILES):
            await self._asking.ask(files, begun=self._begun)
            after = files[-1].id
            count += len(files)
        return count


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
