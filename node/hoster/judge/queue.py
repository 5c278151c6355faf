"""Look-ups that share batches: who asks at the same time is asked about together, at a cadence.

Files that the screen clears are answered at once. The others wait for the next tick, a quarter of a second at most,
and go in one request of a multiple of 64, which random inputs fill up: whoever holds an upload cannot wait longer. The
node sees that some upload survived the screen, not how many files a request holds, how many callers asked, or when each
of them did; nor, from when the next request comes, what this one found. Only whole files are put into a request, so
that each is judged by all its hashes or not at all.

What is recorded of a hit, and what is said when the node does not answer, is for callers.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from node.errors import NodeError, PeerUnreachableError
from node.hoster.cover import BATCH, TICK_SECONDS
from node.hoster.lookup.examiner import Examiner, Hit
from protocol.digest import Digest
from protocol.limits import MAX_EVALUATION_BATCH

MAX_WAITING: Final = 16 * MAX_EVALUATION_BATCH
"""Hashes that may wait; whoever brings more waits until there is room, so that a fast reader fills no memory."""

Examining = Callable[[], Examiner]
"""Gives what is examined with now: after an update another one."""


@dataclass(frozen=True, slots=True)
class _Asked:
    digests: Sequence[Digest]
    answer: asyncio.Future[Hit | None]


class LookUpQueue:
    """Looks files up with `examining`, at ticks. An async context manager; any number of tasks may ask.

    Whoever still waits on leaving is told so by `NodeError`.
    """

    def __init__(
        self, examining: Examining, *, tick_seconds: float = TICK_SECONDS, max_waiting: int = MAX_WAITING
    ) -> None:
        self._examining = examining
        self._tick_seconds = tick_seconds
        self._max_waiting = max_waiting
        self._waiting: deque[_Asked] = deque()
        self._hashes = 0
        self._changed = asyncio.Condition()
        self._sender: asyncio.Task[None] | None = None
        self._ended = False

    async def __aenter__(self) -> Self:
        self._sender = asyncio.create_task(self._send_at_ticks())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._sender is not None, "entered before"
        self._sender.cancel()
        await asyncio.gather(self._sender, return_exceptions=True)
        async with self._changed:
            self._ended = True
            _fail(self._waiting, _ended())
            self._waiting.clear()
            self._hashes = 0
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Files that wait for a tick."""
        return len(self._waiting)

    async def look_up(self, files: Sequence[Sequence[Digest]]) -> list[Hit | None]:
        """For each file, given by all its hashes, the hit or None; raises as `verdicts`."""
        hits: list[Hit | None] = [None] * len(files)
        async for place, hit in self.verdicts(files):
            hits[place] = hit
        return hits

    async def verdicts(self, files: Sequence[Sequence[Digest]]) -> AsyncIterator[tuple[int, Hit | None]]:
        """The place and verdict of each file: first those that the screen clears, then those that were asked about.

        Raises as `Examiner.examine`, when everything that was answered has been given: everybody who had a file in a
        batch that failed is told.
        """
        examiner = self._examining()
        examiner.require_current()
        survivors = examiner.survivors(files)
        for place in sorted(set(range(len(files))) - set(survivors)):
            yield place, None
        answers = [(place, await self._queued(files[place])) for place in survivors]
        failure: Exception | None = None
        for place, answer in answers:
            try:
                hit = await answer
            except Exception as exc:  # noqa: BLE001 - what was answered of the others is given first
                failure = failure or exc
                continue
            yield place, hit
        if failure is not None:
            raise failure

    async def _queued(self, digests: Sequence[Digest]) -> asyncio.Future[Hit | None]:
        asked = _Asked(digests, asyncio.get_running_loop().create_future())
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended or self._has_room(len(digests)))
            if self._ended:
                raise _ended()
            self._waiting.append(asked)
            self._hashes += len(digests)
            self._changed.notify_all()
        return asked.answer

    def _has_room(self, count: int) -> bool:
        return not self._waiting or self._hashes + count <= self._max_waiting

    async def _send_at_ticks(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
            await asyncio.sleep(self._to_tick(loop.time()))
            await self._send(await self._take())  # who comes later, or has no room, waits for the next tick

    def _to_tick(self, now: float) -> float:
        """Seconds to the next tick: when a lone caller asked is not when the node is asked."""
        return self._tick_seconds - now % self._tick_seconds

    async def _take(self) -> list[_Asked]:
        """As many of the files that wait as fit into a request, the first of them whatever its size."""
        batch: list[_Asked] = []
        taken = 0
        async with self._changed:
            while self._waiting and (
                not batch or taken + len(self._waiting[0].digests) <= MAX_EVALUATION_BATCH
            ):
                asked = self._waiting.popleft()
                self._hashes -= len(asked.digests)
                if not asked.answer.cancelled():
                    batch.append(asked)
                    taken += len(asked.digests)
            self._changed.notify_all()
        return batch

    async def _send(self, batch: Sequence[_Asked]) -> None:
        try:
            files = [asked.digests for asked in batch]
            # In one request: a second would go when this is answered.
            least = -(-sum(map(len, files)) // BATCH) * BATCH
            async for place, hit in self._examining().verdicts(files, least=least):
                if not batch[place].answer.done():
                    batch[place].answer.set_result(hit)
        except asyncio.CancelledError:
            _fail(batch, _ended())
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, each caller must hear of it, and the next batch go
            _fail(batch, exc)
            if isinstance(exc, PeerUnreachableError):
                await self._give_up(exc)

    async def _give_up(self, exc: PeerUnreachableError) -> None:
        """Let nobody who waits already wait for the same silence once more."""
        async with self._changed:
            _fail(self._waiting, exc)
            self._waiting.clear()
            self._hashes = 0
            self._changed.notify_all()


def _ended() -> NodeError:
    return NodeError("this program is stopping")


def _fail(batch: Iterable[_Asked], exc: Exception) -> None:
    for asked in batch:
        if not asked.answer.done():
            asked.answer.set_exception(exc)
            asked.answer.exception()  # of a caller that left nobody reads it
