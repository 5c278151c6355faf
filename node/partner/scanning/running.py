"""A scan from its first file to its last: reading in a thread, confirming beside it, an end that can come at any time.

What was stored before is held against the release first, so that a withdrawal reaches it before anything is looked at.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

from node.errors import NodeError
from node.partner.scanning.confirming import Confirming
from node.partner.scanning.judging import Asking, Screening, rejudge
from node.partner.scanning.reading import Progress, Reading
from node.partner.scanning.state import Run, ScanState

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
    plan: str,
    progress: Progress,
    stopping: Stopping,
) -> Ended:
    """Judge what is stored, then `read` everything, and ask about what survives; without `asking` nobody is asked."""
    rejudged = rejudge(state, screening)
    finished = asyncio.Event()
    confirming = Confirming(state, run, asking, progress) if asking is not None else None
    confirmation = asyncio.create_task(confirming.until(finished)) if confirming is not None else None

    def work() -> None:
        with state.again() as own:
            read(Reading(own, run, screening, progress, stopping.event, plan=plan))

    try:
        await _in_thread(work, stopping)
    finally:
        if stopping and confirmation is not None:
            confirmation.cancel()
        finished.set()
        if confirmation is not None:
            await _end(confirmation, stopping)
    return Ended(
        interrupted=bool(stopping),
        rejudged=rejudged,
        stopped=confirming.stopped if confirming is not None else None,
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


async def _end(confirmation: asyncio.Task[None], stopping: Stopping) -> None:
    """Wait for what is being asked; a signal ends that too."""
    loop = asyncio.get_running_loop()

    def cancel() -> None:
        loop.call_soon_threadsafe(confirmation.cancel)

    stopping.then(cancel)
    try:
        await confirmation
    except asyncio.CancelledError:
        if not stopping:
            raise
