"""The way out to public sites, for reporters: ordinary TLS with verified names, as opposed to nodes, which are pinned.

Decides what is asked at all: https, or http on this machine alone; no redirect, which would send a report to whom
nobody agreed to; no content coding, no cookies, no more than `MAX_REPLY_BYTES`. Nothing of a reply is put into an
error: a site may echo what it was sent.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from node.clock import Entropy
from node.errors import ConfigError, PeerUnreachableError, RateLimitedError, VerificationError
from node.ports.reporters import HttpAsk, HttpReply
from node.remote.exchange import USER_AGENT
from node.remote.limits import RemoteLimits
from node.remote.proxy import Proxy
from node.remote.retry import retried

MAX_REPLY_BYTES: Final = 64 * 1024
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_TOO_MANY: Final = frozenset({429, 503})
_LONGEST_WAIT: Final = 24 * 60 * 60


class Sites:
    """Asks public sites; an implementation of `node.ports.reporters.Web`."""

    def __init__(
        self, *, proxy: Proxy | None, ca_file: Path | None, entropy: Entropy, limits: RemoteLimits
    ) -> None:
        self._proxy = proxy
        self._context = _context(ca_file)
        self._entropy = entropy
        self._limits = limits

    def require_allowed(self, url: str) -> None:
        """As `Web.require_allowed`."""
        _checked(url)

    async def ask(self, ask: HttpAsk) -> HttpReply:
        """As `Web.ask`."""
        url = _checked(ask.url)
        if not ask.repeatable:
            return await self._ask(ask, url)
        return await retried(lambda: self._ask(ask, url), limits=self._limits, entropy=self._entropy)

    async def _ask(self, ask: HttpAsk, url: URL) -> HttpReply:
        site = url.host
        try:
            async with asyncio.timeout(self._limits.connect_seconds + self._limits.reply_seconds):
                return await self._exchange(ask, url)
        except TimeoutError as exc:
            raise PeerUnreachableError("{node} did not answer in time", site) from exc
        except aiohttp.ClientConnectorCertificateError as exc:
            raise VerificationError(
                "{site} presented a certificate that does not verify",
                site,
                hint="something between opens TLS, or the site's authority must be named as ca_file",
            ) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise PeerUnreachableError("{site} cannot be reached, or hung up", site) from exc

    async def _exchange(self, ask: HttpAsk, url: URL) -> HttpReply:
        proxy = self._proxy if url.scheme == "https" else None  # http is for this machine
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context, force_close=True),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_seconds),
                trust_env=False,  # the environment does not decide where we connect
            ) as session,
            session.request(
                ask.method,
                url,
                headers={"Accept-Encoding": "identity", "User-Agent": USER_AGENT, **ask.headers},
                data=ask.body,
                allow_redirects=False,
                proxy=proxy.url if proxy else None,
                proxy_headers=proxy.headers if proxy else None,
            ) as response,
        ):
            _refuse_passing(str(url.host), response.status, response.headers)
            return HttpReply(response.status, await _body(str(url.host), response))


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """A client's context; the authorities in `ca_file` count as well as the system's."""
    context = ssl.create_default_context()
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError("ca_file {path} does not hold certificates that can be read", ca_file) from exc
    return context


def _checked(text: str) -> URL:
    """The URL, if it may be asked; what is wrong is said without it, for it may hold a token."""
    try:
        url = URL(text)
    except ValueError as exc:
        raise ConfigError("a reporter's URL cannot be read") from exc
    if url.user or url.password or not url.host:
        raise ConfigError("a reporter's URL has no host, or a password in it", hint="name a file instead")
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _THIS_MACHINE):
        raise ConfigError("{host} must be asked by https; http is for this machine alone", url.host)
    return url


def _refuse_passing(site: str, status: int, headers: Mapping[str, str]) -> None:
    """Raise for a status that says: later."""
    asked = headers.get("Retry-After", "")
    if status in _TOO_MANY and asked.isascii() and asked.isdigit():
        wait = min(int(asked[:9]), _LONGEST_WAIT)
        raise RateLimitedError("{site} asks to wait {wait} seconds", site, wait, retry_after_seconds=wait)
    if status >= 500 or status in {408, 429}:
        raise PeerUnreachableError("{site} failed (status {status})", site, status)


async def _body(site: str, response: aiohttp.ClientResponse) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise VerificationError("{site} sent an encoded reply although none was asked for", site)
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise VerificationError(
                "{site} sent a reply longer than the {most} bytes allowed", site, MAX_REPLY_BYTES
            )
    return bytes(body)
