"""Listening: one TLS socket, refused clearly when it is taken, drained when it ends."""

import errno
import logging
import ssl
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from typing_extensions import override

from node.errors import PortTakenError
from node.web.settings import KEEPALIVE_SECONDS

DRAIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that accepts connections until `stop`."""

    host: str
    port: int
    runner: web.AppRunner

    @property
    def url(self) -> str:
        """Where it listens; the public URL is a matter of the configuration."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    async def stop(self) -> None:
        """Accept nothing more, let running requests finish within the drain time, close."""
        await self.runner.cleanup()


async def serve(
    app: web.Application,
    *,
    ssl_context: ssl.SSLContext | None,
    host: str,
    port: int,
    drain_seconds: float = DRAIN_SECONDS,
) -> RunningServer:
    """Start serving; port 0 picks a free one.

    Raises:
        PortTakenError: the address is in use, or may not be used by this account.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_connection_logger(),
        auto_decompress=False,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=drain_seconds,
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=ssl_context)
    try:
        await site.start()
    except OSError as exc:
        await runner.cleanup()
        raise _taken(exc, host, port) from exc
    return RunningServer(host, site.port, runner)


def _taken(exc: OSError, host: str, port: int) -> Exception:
    if exc.errno not in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL}:
        return exc
    return PortTakenError(
        f"cannot listen on {host} port {port}: {exc.strerror}",
        hint="stop the other program, or set another port in the configuration",
    )


class _NoDetails(logging.Filter):
    """Keeps what a stranger sent out of the log: aiohttp logs the bytes of a request it cannot parse."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


def _connection_logger() -> logging.Logger:
    logger = logging.getLogger("sigfed.web.connection")
    if not logger.filters:
        logger.addFilter(_NoDetails())
    return logger
