"""Where the console's blocking work is done: threads of its own, so that a flood of pages takes none of the node's.

Decides how much is done at once and how much may wait; what is too much is refused at once instead of being kept.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, ParamSpec, TypeVar

from node.errors import RateLimitedError

THREADS: Final = 8
"""More than people sync and rehearse at once, each of which holds one for up to a minute or two."""
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

    async def do(self, work: Callable[Given, Result], *args: Given.args, **named: Given.kwargs) -> Result:
        """Do what blocks, in the caller's language; raises `RateLimitedError` where too much waits already."""
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
        return await asyncio.shield(future)

    def _done(self, future: "asyncio.Future[Result]") -> None:
        self._under_way -= 1
        if not future.cancelled():
            future.exception()  # of somebody who went away nobody asks any more

    def close(self) -> None:
        """Begin nothing more; what runs is waited for by the interpreter."""
        self._executor.shutdown(wait=False, cancel_futures=True)
