"""One HTTP exchange with another node, within limits: connect, send, read, or a clear error.

Decides what counts as an answer: no redirect, no content coding (a gzip bomb is small on the wire), no more bytes than
the endpoint allows, no slower than the minimum rate. What arrived before a failure stays in the caller's buffer, so
that it can resume. Retries are `retry`'s matter. See docs/spec/http.md, "Clients".
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, Self

import aiohttp
from yarl import URL

from node.errors import NodeError, PeerRefusedError, PeerUnreachableError, VerificationError, WrongPinError
from node.remote.limits import RemoteLimits
from node.remote.proxy import Proxy, refusal_hint
from node.remote.refusals import MAX_PROBLEM_BYTES, refusal
from node.remote.spool import Sink
from node.tls import PinnedContext
from protocol.endpoints.endpoint import PROBLEM

USER_AGENT: Final = "sigfed"
_IDLE_SECONDS: Final = 20.0  # below the server's, so that we never send on a connection it is closing
_PROXY_HINT: Final = "is the outbound proxy of the configuration running, and is its address right?"
_PIN_HINT: Final = (
    "fetch the node's signed trust files again; if the pin is current, something between (a TLS-inspecting proxy "
    "or an attacker) answers in its place: exempt the node from inspection or stop"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request."""

    method: str
    path: str
    max_bytes: int
    """Longest body of a good reply."""
    authenticated: bool = False
    """Whether our access token belongs on it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    accept: frozenset[int] = frozenset({200})
    """Statuses that are an answer; everything else is an error."""


def within(ask: Ask, max_bytes: int | None) -> Ask:
    """The same request with a shorter longest reply."""
    return ask if max_bytes is None else replace(ask, max_bytes=min(ask.max_bytes, max_bytes))


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """Status and headers of an answer; its body goes to the buffer."""

    status: int
    headers: Mapping[str, str]


OnHead = Callable[[ReplyHead], None]
"""Looks at an answer before its body is read; may raise, and may change the buffer."""


def accept_any(_head: ReplyHead) -> None:
    """No further condition."""


class NotSentError(PeerUnreachableError):
    """No connection came about: the request was not sent, so even one that must not be repeated may be."""


class Exchange:
    """A pool of connections to one node. An async context manager."""

    def __init__(
        self, *, node: str, base_url: str, context: PinnedContext, limits: RemoteLimits, proxy: Proxy | None
    ) -> None:
        url = URL(base_url)
        if url.scheme != "https" or url.host is None or url.query_string or url.user:
            raise PeerRefusedError("{node}: its address is not an https URL", node, status=0)
        self._base = base_url.rstrip("/")
        self._node = node
        self._context = context
        self._limits = limits
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._context, limit=8, keepalive_timeout=_IDLE_SECONDS)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeouts(),
            trust_env=False,  # the environment does not decide where we connect
            headers={"Accept-Encoding": "identity", "User-Agent": USER_AGENT},
        )
        return self

    def _timeouts(self) -> aiohttp.ClientTimeout:
        """A tunnel needs a connection, an answer of the proxy and a handshake; each of them can hang."""
        tunnel = None if self._proxy is None else 3 * self._limits.connect_seconds
        return aiohttp.ClientTimeout(total=None, connect=tunnel, sock_connect=self._limits.connect_seconds)

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None, "not entered"
        await self._session.close()

    async def send(self, ask: Ask, sink: Sink, *, on_head: OnHead = accept_any) -> ReplyHead:
        """Send `ask`; the body of an answer is appended to `sink`, which never gets longer than `max_bytes`.

        Raises:
            NotSentError: no connection.
            PeerUnreachableError: the connection broke, or the reply was late or too slow.
            WrongPinError: somebody else answered; nothing was sent.
            VerificationError: an answer that is longer than allowed or encoded.
            NodeError: what `refusals.refusal` makes of any other status.
        """
        try:
            return await self._send(ask, sink, on_head)
        except aiohttp.ClientConnectorCertificateError as exc:
            raise WrongPinError(
                "{node} presented a certificate that is not pinned", self._node, hint=_PIN_HINT
            ) from exc
        except aiohttp.ClientProxyConnectionError as exc:
            raise NotSentError(
                "{node} cannot be reached: no connection to the outbound proxy", self._node, hint=_PROXY_HINT
            ) from exc
        except aiohttp.ClientHttpProxyError as exc:
            raise NotSentError(
                "{node} cannot be reached: the outbound proxy refused (status {status})",
                self._node,
                exc.status,
                hint=refusal_hint(exc.status),
            ) from exc
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
            through = "no connection" if self._proxy is None else "no connection through the outbound proxy"
            raise NotSentError("{node} cannot be reached: {reason}", self._node, through) from exc
        except aiohttp.ClientPayloadError as exc:
            raise PeerUnreachableError("{node} hung up in the middle of its reply", self._node) from exc
        except TimeoutError as exc:
            raise PeerUnreachableError("{node} did not answer in time", self._node) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise PeerUnreachableError("{node} hung up or did not speak HTTP", self._node) from exc

    async def _send(self, ask: Ask, sink: Sink, on_head: OnHead) -> ReplyHead:
        assert self._session is not None, "not entered"
        async with asyncio.timeout(self._limits.connect_seconds + self._limits.reply_seconds):
            response = await self._session.request(
                ask.method,
                URL(self._base + ask.path, encoded=True),
                headers=ask.headers,
                data=ask.body,
                allow_redirects=False,
                proxy=self._proxy.url if self._proxy else None,
                proxy_headers=self._proxy.headers if self._proxy else None,
            )
        with _connection_of(response):
            head = await self._head(ask, response)
            on_head(head)
            await self._read(response, sink, max_bytes=ask.max_bytes)
            return head

    async def _head(self, ask: Ask, response: aiohttp.ClientResponse) -> ReplyHead:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise VerificationError("{node} sent an encoded reply although none was asked for", self._node)
        if response.status not in ask.accept:
            raise await self._refusal(response)
        return ReplyHead(response.status, response.headers)

    async def _refusal(self, response: aiohttp.ClientResponse) -> NodeError:
        body = bytearray()
        if response.content_type == PROBLEM:
            await self._read(response, body, max_bytes=MAX_PROBLEM_BYTES)
        return refusal(self._node, status=response.status, body=bytes(body))

    async def _read(self, response: aiohttp.ClientResponse, sink: Sink, *, max_bytes: int) -> None:
        if len(sink) + (response.content_length or 0) > max_bytes:
            raise self._too_long(max_bytes)
        while not response.content.at_eof():
            goal = len(sink) + self._limits.window_bytes
            try:
                async with asyncio.timeout(self._limits.window_seconds):
                    await _fill(response, sink, goal=goal, end=max_bytes)
            except TimeoutError as exc:
                raise PeerUnreachableError("{node} sends too slowly", self._node) from exc
            if len(sink) > max_bytes:
                raise self._too_long(max_bytes)

    def _too_long(self, max_bytes: int) -> VerificationError:
        return VerificationError(
            "{node} sent a reply longer than the {max_bytes} bytes allowed", self._node, max_bytes
        )


async def _fill(response: aiohttp.ClientResponse, sink: Sink, *, goal: int, end: int) -> None:
    """Read until the sink has `goal` bytes, or more than `end`, or the body is over."""
    while len(sink) < goal and len(sink) <= end:
        chunk = await response.content.readany()
        if not chunk:
            return
        sink.extend(chunk)


@contextmanager
def _connection_of(response: aiohttp.ClientResponse) -> Iterator[None]:
    """Keeps the connection only if the body was read to its end; otherwise nothing more is read from it."""
    try:
        yield
    finally:
        if response.content.at_eof():
            response.release()
        else:
            response.close()
