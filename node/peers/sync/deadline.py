"""How long a peer may keep this node waiting, and how this node's own work for its list is ended.

A peer that advances is not given up, however long its list is: its time begins anew with each bundle, and stands still
while this node is busy with what came. That is done in a thread, which whoever is cancelled waits for: it ends between
two slices, so that nothing is written any more once the sync is said to have ended.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import Event
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class EndedError(Exception):
    """Nobody waits for this work any more; what it has done is kept."""


class Deadline:
    """That with one peer in one sync: so many `seconds` for more of a list, `most` for all, or as long as it takes.

    What comes is judged by the trust files of the beginning: without an end of its own a peer that drips could have a
    list taken over that was suspended, or whose key was taken back, since. This node's own work is in neither: where
    it takes longer than `most`, each sync would end at what is staged, and ask for nothing more.
    """

    def __init__(self, seconds: float | None = None, *, most: float | None = None) -> None:
        self._seconds = seconds
        self._most = most
        self._end = inf
        self._limit: asyncio.Timeout | None = None
        self._ended = Event()

    def limited(self) -> asyncio.Timeout:
        """Ends the block by `TimeoutError` when the peer's time is over."""
        self._limit = asyncio.timeout(self._seconds)
        if self._most is not None:
            self._end = asyncio.get_running_loop().time() + self._most
        return self._limit

    def require_time(self) -> None:
        """Before more is asked of the peer; raises `TimeoutError` when it was waited for too long in all."""
        if asyncio.get_running_loop().time() > self._end:
            raise TimeoutError

    def proceed(self) -> None:
        """Between two steps of `work`; raises `EndedError` when it is to end."""
        if self._ended.is_set():
            raise EndedError

    async def work(self, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What a function gives, run in a thread; the peer's time begins anew behind it."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._restart(None)
        done = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            self._ended.set()
            while not done.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([done])
            done.exception()  # else asyncio says that nobody looked at it
            raise
        finally:
            self._end += loop.time() - begun
            self._restart(self._seconds)

    def _restart(self, seconds: float | None) -> None:
        if self._limit is not None and not self._limit.expired():
            now = asyncio.get_running_loop().time()
            self._limit.reschedule(None if seconds is None else now + seconds)
