"""A connection that open files are passed over: bytes and descriptors, each read bounded in size and time."""

import asyncio
import os
import select
import socket
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final, TypeVar

from node.connections import probe
from node.hoster.gateways.patience import Pace, Patience

_CHUNK: Final = 256 * 1024
_DESCRIPTORS: Final = 4
"""Taken at once, and held for whoever asks for them; a sender that passes more loses them to the kernel."""
_FAREWELL_SECONDS: Final = 2.0
_Found = TypeVar("_Found")


class EndedError(Exception):
    """The other side ended the connection, or sent more than it may where one thing was awaited."""


@contextmanager
def wired(connection: socket.socket, patience: Patience) -> "Iterator[Wire]":
    """A wire to whoever asks, closed afterwards: that they have gone, or send nothing, ends it and is no failure."""
    wire = Wire(connection, patience)
    with closing(wire), suppress(EndedError, TimeoutError, OSError):
        yield wire


class Wire:
    """One accepted connection; `close` it."""

    def __init__(self, connection: socket.socket, patience: Patience) -> None:
        connection.settimeout(0)
        probe(connection)
        self._connection = connection
        self._patience = patience
        self._pace = Pace()
        self._buffer = bytearray()
        self._descriptors: deque[int] = deque()

    async def until(self, end: bytes, *, at_most: int) -> bytes:
        """What stands before `end`, which is consumed; raises `EndedError` and `TimeoutError`."""
        async with asyncio.timeout(self._patience.seconds):  # for all of it, not for each byte anew
            while True:
                place = self._buffer.find(end)
                if place >= 0:
                    return self._taken(place + 1)[:-1]
                if len(self._buffer) > at_most:
                    raise EndedError
                await self._fill()

    async def exactly(self, count: int) -> bytes:
        """The next `count` bytes, which are few; raises as `until`."""
        async with asyncio.timeout(self._patience.seconds):
            while len(self._buffer) < count:
                await self._fill()
        return self._taken(count)

    async def some(self, at_most: int) -> bytes:
        """At least one byte; raises as `until`."""
        if not self._buffer:
            await self._fill()
        return self._taken(min(at_most, len(self._buffer)))

    async def peek(self) -> bytes:
        """The next byte, which is not consumed; empty when the other side has ended well."""
        if not self._buffer:
            with suppress(EndedError):
                await self._fill()
        return bytes(self._buffer[:1])

    async def descriptor(self) -> int:
        """The next open file that was passed: the caller closes it. The byte that carries it is consumed."""
        while not self._descriptors:
            if self._buffer:
                raise EndedError  # something else was sent than a file
            await self._fill()
        if self._buffer:
            self._taken(1)
        return self._descriptors.popleft()

    async def worth(self, work: Coroutine[Any, Any, _Found], *, sending_may_end: bool = False) -> _Found:
        """What the work finds; it is cancelled, and `EndedError` raised, when the other side ends the connection.

        What was sent before that and waits to be read does not hide the end. With `sending_may_end` a side that sends
        no more may wait for its answer; over TCP it is then known only a minute or so later, by probes, that it left.
        """
        with select.epoll(1) as ended:
            # EPOLLHUP and EPOLLERR are always awaited.
            ended.register(self._connection, 0 if sending_may_end else select.EPOLLRDHUP)
            tasks = asyncio.create_task(work), asyncio.create_task(_readable(ended))
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        if tasks[0].cancelled():
            raise EndedError
        return tasks[0].result()

    async def send(self, data: bytes) -> None:
        """Send all of it; raises `EndedError` for a side that takes nothing."""
        try:
            async with self._patience.waiting(self._pace):
                await asyncio.get_running_loop().sock_sendall(self._connection, data)
        except (TimeoutError, OSError) as exc:
            raise EndedError from exc

    async def farewell(self, words: bytes) -> None:
        """Say a last thing, and pass over what is still sent for a while.

        A connection that is closed with bytes unread is reset, and the words before it may never be read.
        """
        with suppress(EndedError, TimeoutError, OSError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self.send(words)
                self._connection.shutdown(socket.SHUT_WR)
                while True:
                    self._buffer.clear()
                    await self._fill()

    def close(self) -> None:
        """End the connection; files that were passed and not taken are closed."""
        while self._descriptors:
            os.close(self._descriptors.popleft())
        self._connection.close()

    def _taken(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def _fill(self) -> None:
        async with self._patience.waiting(self._pace):
            data, descriptors = await self._received()
        self._pace.received += len(data)
        self._descriptors.extend(descriptors)
        if len(self._descriptors) > _DESCRIPTORS:
            raise EndedError  # nobody asked for so many: they would be all that this process may have
        if not data:
            raise EndedError
        self._buffer += data

    async def _received(self) -> tuple[bytes, list[int]]:
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._connection, _CHUNK, _DESCRIPTORS)
            except (BlockingIOError, InterruptedError):
                await _readable(self._connection)
                continue
            except OSError as exc:
                raise EndedError from exc
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)  # noqa: FBT003 - so it is called
            return data, descriptors


async def _readable(source: socket.socket | select.epoll) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(source, _set, ready)
    try:
        await ready
    finally:
        loop.remove_reader(source)


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
