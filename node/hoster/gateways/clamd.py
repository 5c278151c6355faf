"""clamd's protocol: programs that know a virus scanner ask this daemon without being changed.

One command a connection, or a session of numbered ones. Files come as a stream, as an open file over a Unix socket, or
as a path below a folder that the operator named. `SHUTDOWN` is refused: the service manager ends the daemon.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from node.hoster.gateways.clamd_protocol import (
    COMMANDS,
    MAX_COMMAND_BYTES,
    SAID,
    SCANS,
    TIMED_OUT,
    TOO_LONG,
    UNKNOWN,
    Command,
    delimiter,
    failed,
    one_line,
    parse,
    reply,
)
from node.hoster.gateways.patience import WHOLE_SECONDS, Patience
from node.hoster.gateways.roots import Roots
from node.hoster.gateways.wire import Wire, wired
from node.ports.inspection import Inspected, Inspector

IDLE_SECONDS: Final = 120.0
"""Between two pieces of what one client sends: `ReadTimeout` of clamd."""
FULL: Final = b"stream: too many connections ERROR\n"
"""To whoever is turned away before anything is read: clients of the clamd that they know read an error in it."""
_LENGTH_BYTES: Final = 4
_AT_ONCE: Final = 1000
"""Names of files that are held; a folder may have any number of them."""
_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ClamdService:
    """What stands behind the protocol."""

    inspector: Inspector
    roots: Roots
    version: Callable[[], str]
    """The line that `VERSION` answers."""
    reload: Callable[[], Awaitable[object]]
    fail_closed: bool = False
    patience: Patience = field(default_factory=lambda: Patience(IDLE_SECONDS))
    """Of one door."""

    async def serve(self, connection: socket.socket, _client: str = "") -> None:
        """Answer one connection until it ends."""
        with wired(connection, self.patience) as wire:
            await _Conversation(self, wire).hold()


class _Conversation:
    def __init__(self, service: ClamdService, wire: Wire) -> None:
        self._service = service
        self._wire = wire
        self._session = False
        self._number = 0
        self._end = b"\n"

    async def hold(self) -> None:
        try:
            await self._answer_all()
        except TimeoutError:
            await self._end_with(TIMED_OUT)

    async def _answer_all(self) -> None:
        while True:
            first = await self._wire.peek()
            if not first:
                return
            self._end = delimiter(first)
            command = parse(await self._wire.until(delimiter(first), at_most=MAX_COMMAND_BYTES))
            if command.word == "IDSESSION" and not self._session:
                self._session = True
                continue
            if command.word == "END":
                return
            self._number += 1
            async for text in self._answers(command):
                if text == TOO_LONG:
                    await self._end_with(text)
                    return
                await self._wire.send(self._line(text))
            if not self._session:
                return

    async def _end_with(self, text: str) -> None:
        """Say a last thing while more may be on its way."""
        await self._wire.farewell(self._line(text))

    def _line(self, text: str) -> bytes:
        prefix = f"{self._number}: " if self._session else ""
        return f"{prefix}{text}".encode("utf-8", "surrogateescape") + self._end

    async def _answers(self, command: Command) -> AsyncIterator[str]:
        match command.word:
            case "INSTREAM":
                yield await self._stream()
            case "FILDES":
                yield await self._passed()
            case word if word in SCANS and command.argument:
                async for text in self._path(command):
                    yield text
            case _:
                yield await self._said(command.word)

    async def _said(self, word: str) -> str:
        if word == "RELOAD":
            await self._service.reload()
        version = self._service.version()
        said = SAID | {"VERSION": version, "VERSIONCOMMANDS": f"{version}| COMMANDS: {COMMANDS}"}
        return said.get(word, UNKNOWN)

    async def _stream(self) -> str:
        async with self._service.inspector.receiving() as upload:
            async with asyncio.timeout(WHOLE_SECONDS):
                while left := int.from_bytes(await self._wire.exactly(_LENGTH_BYTES)):
                    while left:
                        piece = await self._wire.some(min(left, _PIECE))
                        left -= len(piece)
                        if not upload.write(piece):
                            return TOO_LONG
            return await self._judged("stream", upload.inspect("clamd stream"))

    async def _passed(self) -> str:
        descriptor = await self._wire.descriptor()
        try:
            # Its path, where it has one, is what the operator will look for; it stays on this machine.
            path = await asyncio.to_thread(os.readlink, f"/proc/self/fd/{descriptor}")
            work = self._service.inspector.inspect(descriptor, path)
            return await self._judged(f"fd[{descriptor}]", work)
        finally:
            os.close(descriptor)

    async def _path(self, command: Command) -> AsyncIterator[str]:
        """A line for each file that is listed or cannot be read; one `OK` when there is none."""
        told = False
        files = self._service.roots.files(command.argument)
        while some := await asyncio.to_thread(lambda: list(islice(files, _AT_ONCE))):
            for path in some:
                text = await self._file(path)
                if text.endswith(": OK"):
                    continue
                told = True
                yield text
                if command.word == "SCAN" and text.endswith(" FOUND"):
                    return
        if not told:
            yield f"{one_line(command.argument)}: OK"

    async def _file(self, path: str) -> str:
        shown = one_line(path)
        try:
            descriptor = await asyncio.to_thread(self._service.roots.open, path)
        except OSError as exc:
            return failed(shown, f"File path check failure: {exc.strerror}")
        except ValueError:
            return failed(shown, "File path check failure: not a path")
        try:
            return await self._judged(shown, self._service.inspector.inspect(descriptor, path))
        finally:
            os.close(descriptor)

    async def _judged(self, name: str, work: Coroutine[Any, Any, Inspected]) -> str:
        try:
            found = await self._wire.worth(work, sending_may_end=True)
        except OSError as exc:
            return failed(name, exc.strerror or str(exc))
        return reply(name, found.verdict, fail_closed=self._service.fail_closed)
