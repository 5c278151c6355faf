"""Serving the daemon's HTTP application on sockets that others opened."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from node.config import ConnectionLimits
from node.connections import DRAIN_SECONDS
from node.web.gateways.app import make_local_app
from node.web.gateways.services import LocalServices
from node.web.server import serve_on


@asynccontextmanager
async def served(
    services: LocalServices, listening: Sequence[socket.socket], *, limits: ConnectionLimits
) -> AsyncIterator[None]:
    """Serve while the block lasts; what is under way at its end may finish."""
    server = await serve_on(
        listening, make_local_app(services), limits=limits, drain_seconds=DRAIN_SECONDS, cancel=True
    )
    try:
        yield
    finally:
        await server.stop()
