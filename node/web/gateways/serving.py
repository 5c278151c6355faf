"""Serving the daemon's HTTP application on sockets that others opened, with bounds for slow and large requests."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from typing_extensions import override

from node.web.gateways.app import make_local_app
from node.web.gateways.services import LocalServices

MAX_CONNECTIONS: Final = 512
"""At a time: whoever opens more must not take the descriptors that files are received in, here and at other doors."""
_KEEPALIVE_SECONDS: Final = 75.0
_DRAIN_SECONDS: Final = 20.0
_MAX_LINE: Final = 8190
_quiet = logging.getLogger("sigfed.agent.connection")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False
"""aiohttp logs the bytes of what it cannot parse, and they may be anything."""


@asynccontextmanager
async def served(services: LocalServices, listening: Sequence[socket.socket]) -> AsyncIterator[None]:
    """Serve while the block lasts; what is under way at its end may finish."""
    runner = web.AppRunner(
        make_local_app(services),
        access_log=None,
        logger=_quiet,
        auto_decompress=False,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        shutdown_timeout=_DRAIN_SECONDS,
        max_line_size=_MAX_LINE,
        max_field_size=_MAX_LINE,
    )
    await runner.setup()
    server = runner.server
    assert server is not None, "it was just set up"

    def accepted() -> asyncio.Protocol:
        return _Full() if len(server.connections) >= MAX_CONNECTIONS else server()

    loop = asyncio.get_running_loop()
    doors = [await loop.create_server(accepted, sock=each) for each in listening]
    try:
        yield
    finally:
        for door in doors:
            door.close()
        await runner.cleanup()


class _Full(asyncio.Protocol):
    """A connection for which there is no room."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream"
        transport.abort()
