"""A TLS server that answers each request with a script, for clients that must survive it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from node.clock import system_entropy
from node.tls import server_context
from support.fakes_api import IDENTITY
from support.leap import leap

Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Gets the head of a request and may write; the connection is closed after it unless `keep` is true."""


@dataclass
class HostileServer:
    """Where it listens and what it was asked."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def hostile(
    *scripts: Script, context: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[HostileServer]:
    """Serve: the first request gets the first script, further ones the next, the last repeats."""
    found = HostileServer("")
    tasks: set[asyncio.Task[None]] = set()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        found.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            found.requests.append(head)
            await scripts[min(len(found.requests), len(scripts)) - 1](head, writer)
            await writer.drain()
        writer.transport.abort() if writer.transport.is_closing() else writer.close()
        tasks.discard(task)

    server = await asyncio.start_server(
        on_connection,
        "127.0.0.1",
        port,
        ssl=context or server_context(IDENTITY, entropy=system_entropy),
        ssl_shutdown_timeout=0.2,
    )
    found.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()
        for task in set(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def reply(body: bytes, *, status: str = "200 OK", headers: dict[str, str] | None = None) -> bytes:
    """A whole reply."""
    fields = {"Content-Length": str(len(body)), "Connection": "close"}
    lines = [
        f"HTTP/1.1 {status}",
        *(f"{name}: {value}" for name, value in (fields | (headers or {})).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def says(data: bytes) -> Script:
    """A script that writes `data`."""

    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return script


def then_resets(data: bytes) -> Script:
    """A script that writes `data` and tears the connection down."""

    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    return script


def silent(seconds: float = 0.0, *, after: asyncio.Event | None = None) -> Script:
    """A script that writes nothing, while so much time of the loop passes: at once, or after what is awaited."""

    async def script(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        if after is not None:
            await after.wait()
        leap(seconds)
        await asyncio.Event().wait()

    return script


def drips(head: bytes) -> Script:
    """A script that writes `head` and then a byte each second of the loop's time, without end."""

    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            leap(1)
            await asyncio.sleep(0)

    return script


def floods(head: bytes) -> Script:
    """A script that writes `head` and then as much as the other side takes."""

    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()

    return script
