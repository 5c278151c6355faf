"""The console's listener: beside the API's, on an address of its own, for as long as the node runs."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from aiohttp import web

from node.app.accounts import open_sessions
from node.app.serve import Parts
from node.config import ConsoleListener, ConsoleSettings
from node.console.address import Address
from node.console.app import make_console
from node.console.visitors import Visitors
from node.console.world import World
from node.errors import ConfigError
from node.journal import Journal
from node.web.server import serve

_journal: Final = Journal("console")


@asynccontextmanager
async def serve_console(world: World, visitors: Visitors, settings: ConsoleSettings) -> AsyncIterator[str]:
    """Serve the console while the block lasts; gives the address that people open.

    Raises:
        PortTakenError: the address is in use.
        ConfigError: the certificate cannot be used.
    """
    app = make_console(world, visitors, Address.parse(settings.url))
    async with listening(app, settings) as url:
        world.judge.begin()  # the first page that shows it shall not wait for all lists to be judged
        try:
            yield url
        finally:
            await asyncio.to_thread(world.judge.end)


@asynccontextmanager
async def listening(app: web.Application, settings: ConsoleListener) -> AsyncIterator[str]:
    """Serve a console while the block lasts; gives the address that people open. Raises as `serve_console`."""
    server = await serve(
        app, ssl_context=_tls(settings), host=settings.host, port=settings.port, limits=settings
    )
    _journal.info("console", url=settings.url)
    try:
        yield settings.url.rstrip("/") + "/console/"
    finally:
        await server.stop()


def serve_beside(parts: Parts) -> AbstractAsyncContextManager[object]:
    """The console of a running node, as its configuration has it; raises as `serve_console` does."""
    identity, store = parts.identity, parts.store
    world = World.of(identity, store, parts.evaluator)
    return serve_console(world, open_sessions(identity, store), identity.settings.console)


def _tls(settings: ConsoleListener) -> ssl.SSLContext | None:
    if settings.certificate_file is None or settings.key_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(settings.certificate_file, settings.key_file)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(
            "the console's certificate and key cannot be used",
            hint="console.certificate_file and console.key_file name PEM files that belong together",
        ) from exc
    return context
