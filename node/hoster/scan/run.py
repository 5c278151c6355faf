"""A scan from its first file to its last: reading in a thread, its beat beside it, an end that can come at any time.

What was stored before is held against the release first, so that a withdrawal reaches it before anything is looked at.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

from node.errors import NodeError
from node.hoster.cover import Pace
from node.hoster.scan.beat import ScanBeat
from node.hoster.scan.judge import Asking, Screening, rejudge
from node.hoster.scan.reader import Progress, Reading
from node.hoster.scan.state import Run, ScanState

_PATIENCE_SECONDS: Final = 5.0
"""That a thread has to write what it knows after a signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a scan ended in this process."""

    interrupted: bool
    rejudged: int
    """Files from before that are something else in this release."""
    stopped: NodeError | None
    """Why what survives the screen was not asked about."""
    unscrubbed: NodeError | None = None
    """Why the state may still hold names of files that it forgot."""
    at_once: int = 0
    """Files that were asked about at once, because the batches could not hold them."""


class Stopping:
    """A scan's end before its time, asked for by a signal."""

    def __init__(self) -> None:
        self.event = Event()
        self._then: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return self.event.is_set()

    def then(self, act: Callable[[], None]) -> None:
        """Do this too, to end what blocks; at once, if it was asked for already."""
        self._then.append(act)
        if self.event.is_set():
            act()

    def stop(self) -> None:
        """End the scan; what is under way is not waited for."""
        if not self.event.is_set():
            self.event.set()
            for act in self._then:
                act()


async def run_scan(
    state: ScanState,
    run: Run,
    screening: Screening,
    read: Callable[[Reading], None],
    *,
    asking: Asking | None,
    pace: Pace | None,
    plan: str,
    progress: Progress,
    stopping: Stopping,
) -> Ended:
    """Judge what is stored, then `read` everything, and ask about what survives; without `pace` nobody is asked."""
    rejudged = rejudge(state, screening, asking)
    finished = asyncio.Event()
    beat = ScanBeat(state, run, asking, progress, pace) if asking is not None and pace is not None else None
    sending = asyncio.create_task(beat.until(finished)) if beat is not None else None

    def work() -> None:
        with state.again() as own:
            read(Reading(own, run, screening, progress, stopping.event, plan=plan))

    try:
        await _in_thread(work, stopping)
    finally:
        if stopping and sending is not None:
            sending.cancel()
        finished.set()
        if sending is not None:
            await _end(sending, stopping)
    return Ended(
        interrupted=bool(stopping),
        rejudged=rejudged,
        stopped=beat.stopped if beat is not None else None,
        at_once=beat.at_once if beat is not None else 0,
    )


async def _in_thread(work: Callable[[], None], stopping: Stopping) -> None:
    """Wait for work in a thread; after a signal not for long: it may wait for a list that nobody ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        failure: BaseException | None = None
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - told to who waits
            failure = exc
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(tell, failure)

    def hurry() -> None:
        loop.call_soon_threadsafe(loop.call_later, _PATIENCE_SECONDS, tell, None)

    Thread(target=run, name="reading", daemon=True).start()
    stopping.then(hurry)
    await done


async def _end(sending: asyncio.Task[None], stopping: Stopping) -> None:
    """Wait for what is being asked; a signal ends that too."""
    loop = asyncio.get_running_loop()

    def cancel() -> None:
        loop.call_soon_threadsafe(sending.cancel)

    stopping.then(cancel)
    try:
        await sending
    except asyncio.CancelledError:
        if not stopping:
            raise
