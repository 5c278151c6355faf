"""Where the console's blocking work is done: threads of its own, so that a flood of pages takes none of the node's.

Decides how much is done at once and how much may wait; what is too much is refused at once instead of being kept. What
people do may wait for a peer or for a command that holds a lock: it never takes all threads, so that pages are shown.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, ParamSpec, TypeVar

from node.errors import RateLimitedError

THREADS: Final = 8
"""For pages, and for what people do: to sync or to rehearse holds one for up to a minute or two."""
ACTS: Final = THREADS - 3
"""Of what people do, at once; the others are left for pages."""
ACTS_OF_ONE: Final = 2
"""Acts of one person at once."""
MOST: Final = 200
"""Under way and waiting, together."""
_RETRY_SECONDS: Final = 5

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Threads:
    """The threads of one console."""

    def __init__(self, *, threads: int = THREADS, most: int = MOST) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="console")
        self._most = most
        self._under_way = 0
        self._acting: Counter[str] = Counter()
        """How much of what each person did is under way."""

    async def do(self, work: Callable[Given, Result], *args: Given.args, **named: Given.kwargs) -> Result:
        """Do what blocks, in the caller's language; raises `RateLimitedError` where too much waits already."""
        return await asyncio.shield(self._begun(work, *args, **named))

    async def act(
        self, person: str, work: Callable[Given, Result], *args: Given.args, **named: Given.kwargs
    ) -> Result:
        """Do what somebody asked for, as `do`; raises `RateLimitedError` also where so much of that is under way."""
        if self._acting[person] >= ACTS_OF_ONE:
            raise RateLimitedError(
                "{count} things that {person} asked for are still being done",
                ACTS_OF_ONE,
                person,
                hint="nothing was done; wait until one of them is finished, then try again",
                retry_after_seconds=_RETRY_SECONDS,
            )
        if self._acting.total() >= ACTS:
            raise RateLimitedError(
                "{count} things that people asked for are being done, and no more at once",
                ACTS,
                hint="nothing was done; wait a moment, then try again",
                retry_after_seconds=_RETRY_SECONDS,
            )
        future = self._begun(work, *args, **named)
        self._acting[person] += 1
        future.add_done_callback(lambda _: self._acted(person))
        return await asyncio.shield(future)

    def _begun(
        self, work: Callable[Given, Result], *args: Given.args, **named: Given.kwargs
    ) -> "asyncio.Future[Result]":
        if self._under_way >= self._most:
            raise RateLimitedError(
                "this console has too much to do just now",
                hint="nothing was done; wait a moment, then try again",
                retry_after_seconds=_RETRY_SECONDS,
            )
        context = copy_context()

        def run() -> Result:
            try:
                return context.run(work, *args, **named)
            except StopIteration as exc:  # it cannot leave a thread: the request would wait for ever
                raise RuntimeError("nothing was found where something must be") from exc

        self._under_way += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, run)
        # Not when the caller leaves: whoever goes away, again and again, leaves the work behind.
        future.add_done_callback(self._done)
        return future

    def _done(self, future: "asyncio.Future[Result]") -> None:
        self._under_way -= 1
        if not future.cancelled():
            future.exception()  # of somebody who went away nobody asks any more

    def _acted(self, person: str) -> None:
        self._acting.subtract((person,))
        self._acting += Counter()  # whoever does nothing is forgotten

    def close(self) -> None:
        """Begin nothing more; what runs is waited for by the interpreter."""
        self._executor.shutdown(wait=False, cancel_futures=True)
