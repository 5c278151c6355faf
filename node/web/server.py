"""Listening: refused clearly where an address is taken, bounded while it serves, drained when it ends.

What serves HTTP here does it this way: a node's API, both consoles, the local daemon and the listener for monitoring.
See docs/reference/http.md, "Limits".
"""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.config import ConnectionLimits
from node.connections import Acceptor, listen
from node.web.http_connections import HttpConnections, name_server

DRAIN_SECONDS: Final = 10.0
LIMITS: Final = ConnectionLimits(connections=256, connections_per_address=64)
"""For a listener that is told no others."""
_BUSY: Final = b'{"detail":"too many connections","message":"too many connections"}'
_TURNED_AWAY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nCache-Control: no-store\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_BUSY), _BUSY)
)
"""Said in the clear alone: under TLS nobody reads anything before a handshake, which costs more than it is worth."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that accepts connections until `stop`."""

    host: str
    port: int
    runner: web.AppRunner
    acceptor: Acceptor

    @property
    def url(self) -> str:
        """Where it listens; the public URL is a matter of the configuration."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    async def stop(self) -> None:
        """Accept nothing more, let running requests finish within the drain time, close."""
        await self.acceptor.close()
        await self.runner.cleanup()
        await self.acceptor.end()


async def serve(
    app: web.Application,
    *,
    ssl_context: ssl.SSLContext | None,
    host: str,
    port: int,
    limits: ConnectionLimits = LIMITS,
    drain_seconds: float = DRAIN_SECONDS,
) -> RunningServer:
    """Start serving; port 0 picks a free one.

    Raises:
        PortTakenError: the address is in use, or may not be used by this account.
    """
    listening = await listen(host, port)
    return await serve_on(listening, app, ssl_context=ssl_context, limits=limits, drain_seconds=drain_seconds)


async def serve_on(
    listening: Sequence[socket.socket],
    app: web.Application,
    *,
    ssl_context: ssl.SSLContext | None = None,
    limits: ConnectionLimits = LIMITS,
    drain_seconds: float = DRAIN_SECONDS,
    cancel: bool = False,
) -> RunningServer:
    """Start serving on sockets that listen already; `stop` closes them.

    `cancel`: work ends when its client leaves, and a client that has sent its request and sends no more has not left.
    """
    app.on_response_prepare.append(name_server)
    runner = web.AppRunner(app, handler_cancellation=cancel, shutdown_timeout=drain_seconds)
    await runner.setup()
    assert runner.server is not None, "it was just set up"
    connections = HttpConnections(runner.server, ssl_context, half_closed=cancel)
    acceptor = Acceptor(
        listening,
        connections.answer,
        limits,
        crowded=connections.crowded,
        refusal=b"" if ssl_context else _TURNED_AWAY,
        drain_seconds=drain_seconds,
    )
    acceptor.start()
    name = listening[0].getsockname()
    host, port = name[:2] if isinstance(name, tuple) else (str(name), 0)
    return RunningServer(host, port, runner, acceptor)
