"""The headers of every reply: nothing runs, loads, frames or is sent but what is this console's own.

What browsers tell of things that this stopped is counted, and in the journal a line a minute at most. Anybody may send
such reports, without a session: each in a line of its own would fill the journal.
"""

import asyncio
from contextlib import suppress
from typing import Final

from aiohttp import web

from node.clock import Clock, milliseconds
from node.journal import Journal
from node.web.http_connections import arriving

CSP_REPORTS: Final = "/console/csp-report"

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"report-uri {CSP_REPORTS}",
    )
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    # Not `no-referrer`: browsers then send `Origin: null` with forms, and a forged form looks like an own one.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

SECURE_HEADERS: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""Where the console is reached by TLS."""

MAX_REPORT_BYTES: Final = 16 * 1024
_PAUSE_MS: Final = 60_000
_SECONDS: Final = 10.0
_journal: Final = Journal("console")


class CspReports:
    """How many came since the last line."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._told_ms = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        """A mistake in a page, or an attack on one; what it holds is not kept."""
        # Whoever promises one and sends nothing would keep its connection.
        with suppress(TimeoutError), arriving():
            async with asyncio.timeout(_SECONDS):
                await request.content.read(MAX_REPORT_BYTES)
        self._count += 1
        now_ms = milliseconds(self._clock.now())
        if not 0 <= now_ms - self._told_ms < _PAUSE_MS:
            _journal.warning("csp-violation", count=self._count)
            self._count, self._told_ms = 0, now_ms
        return web.Response(status=204)
