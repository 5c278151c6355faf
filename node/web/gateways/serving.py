"""Serving the daemon's HTTP application on sockets that others opened, with bounds for slow and large requests."""

import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from node.web.gateways.app import make_local_app
from node.web.gateways.services import LocalServices

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
    try:
        for each in listening:
            await web.SockSite(runner, each).start()
        yield
    finally:
        await runner.cleanup()
