"""The connections of one HTTP server: which are silent, and are let go where there is no room, and which have ended.

Whoever sends no request after connecting is let go in any case, soon: aiohttp would wait for it as long as for the next
request of a known client.
"""

import asyncio
import logging
import select
import socket
import ssl
from asyncio import sslproto
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

from node.connections import CROWDED_SECONDS, HANDSHAKE_SECONDS, probe
from node.web.problems import INTERNAL, problem_of
from node.web.settings import KEEPALIVE_SECONDS, MAX_HEADER_BYTES, MAX_HEADERS, STALL_SECONDS
from protocol.endpoints.endpoint import PROBLEM, PROBLEM_TYPE

_SWEEP_SECONDS: Final = 1.0
_TLS_BUFFER_BYTES: Final = 32 * 1024
"""Of each connection under TLS from its first moment, before anybody is known; asyncio takes eight times as much."""
sslproto.SSLProtocol.max_size = _TLS_BUFFER_BYTES

_CONTINUE: Final = "100-continue"
_TURNS: Final = 16
"""Of the loop: more than it takes from the bytes of a request to its handler."""
_GONE: Final = web.RequestKey("gone", asyncio.Future)
"""Done when the connection of a request has ended."""
_SERVER: Final = "sigfed"
"""In every reply: which versions of what made it is for those who look for their holes."""
_T = TypeVar("_T")


async def while_awaited(request: web.Request, work: Coroutine[None, None, _T]) -> _T:
    """What `work` gives; it is cancelled when nobody waits for it any more.

    For what is costly and changes nothing that has to be finished.
    """
    gone = request.get(_GONE)
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task} if gone is None else {task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise web.HTTPRequestTimeout
        return task.result()
    finally:
        task.cancel()


async def name_server(_: web.Request, response: web.StreamResponse) -> None:
    """Say what answers, in place of aiohttp and its version."""
    response.headers["Server"] = _SERVER


@contextmanager
def arriving() -> Iterator[None]:
    """While a body is read: whoever leaves before its end, or breaks it off, makes nothing fail here; raises 400."""
    try:
        yield
    except (ConnectionError, web.RequestPayloadError):
        raise web.HTTPBadRequest(text="the body did not arrive whole") from None


class HttpConnections:
    """Answers accepted connections with aiohttp's `server`."""

    def __init__(
        self, server: web.Server, ssl_context: ssl.SSLContext | None, *, half_closed: bool = False
    ) -> None:
        """`half_closed`: who ends his side of a connection behind a whole request is answered, but not under TLS."""
        self._half_closed = half_closed
        self._server = server
        self._ssl_context = ssl_context
        self._held: dict[RequestHandler, _Connection] = {}
        self._work = server.request_handler
        server.request_handler = self._asked

    async def answer(self, connection: socket.socket, client: str) -> None:
        """Answer one connection until it ends; raises OSError for one whose handshake fails or takes too long."""
        loop = asyncio.get_running_loop()
        held = _Connection(_handler_of(self._server), client, half_closed=self._half_closed)
        if client:
            # A reply waits in memory until it was taken, and nothing else looks at a request that was answered
            # (RFC 5482). Whoever takes a byte now and then is not cut off: long replies are for clients that are known.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALL_SECONDS * 1000))
        await loop.connect_accepted_socket(
            lambda: held,
            connection,
            ssl=self._ssl_context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if self._ssl_context else None,
        )
        self._held[held.handler] = held
        first = loop.call_later(HANDSHAKE_SECONDS, held.end_if_never_asked)
        try:
            await held.ended
        finally:
            first.cancel()
            del self._held[held.handler]
            held.abort()

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """While every place is taken: connections that have been silent for long enough are let go."""
        sweep = asyncio.create_task(self._let_silent_ones_go())
        try:
            yield
        finally:
            sweep.cancel()

    async def _let_silent_ones_go(self) -> None:
        while True:
            before = asyncio.get_running_loop().time() - CROWDED_SECONDS
            for held in list(self._held.values()):
                held.end_if_silent_since(before)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def _asked(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handle one request; behind a proxy its address is the client's."""
        held = self._held.get(request.protocol)
        if held is None:  # it went while the request was on its way
            return await self._work(request)
        if held.client and held.client != request.remote:
            request = request.clone(remote=held.client)
        request[_GONE] = held.ended
        with held.busy(request.content):
            # aiohttp would look at it before any limit counts the request, repeat it, and fail where it is no text.
            if request.headers.get("Expect", _CONTINUE).lower() != _CONTINUE:
                return held.handler.handle_error(request, 400)
            return await self._work(request)


class _NoDetails(logging.Filter):
    """Keeps what a stranger sent out of the log."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


_LOGGER: Final = logging.getLogger("sigfed.web.connection")
_LOGGER.addFilter(_NoDetails())


class _Handler(RequestHandler):
    """aiohttp's end of a connection, which would repeat what it cannot read: an access token, perhaps."""

    __slots__ = ()

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The reply to what cannot be read, of which the journal says nothing: strangers would fill it.

        `detail` and `message` are for clients of the local daemon.
        """
        if request.writer.output_size > 0:
            raise ConnectionError("another reply has begun")
        if status >= 500:
            self.logger.error("failure error=%s", type(exc).__name__)
        problem = INTERNAL if status >= 500 else problem_of(web.HTTPBadRequest())
        said = {"type": PROBLEM_TYPE + problem.name, "title": problem.title, "status": problem.status}
        response = web.json_response(
            said | dict.fromkeys(("detail", "message"), problem.title),
            status=problem.status,
            content_type=PROBLEM,
            headers={"Cache-Control": "no-store", "Server": _SERVER, "X-Content-Type-Options": "nosniff"},
        )
        response.force_close()
        return response


def _handler_of(server: web.Server) -> _Handler:
    options: dict[str, Any] = {
        "access_log": None,
        "auto_decompress": False,
        "keepalive_timeout": KEEPALIVE_SECONDS,
        "logger": _LOGGER,
        "max_field_size": MAX_HEADER_BYTES,
        "max_headers": MAX_HEADERS,
        "max_line_size": MAX_HEADER_BYTES,
    }
    return _Handler(server, loop=asyncio.get_running_loop(), **options)


class _Connection(asyncio.Protocol):
    """Hands everything to aiohttp's `handler`, and knows whether a request is under way."""

    def __init__(self, handler: RequestHandler, client: str, *, half_closed: bool) -> None:
        loop = asyncio.get_running_loop()
        self.handler = handler
        self.client = client
        self.ended: asyncio.Future[None] = loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._half_closed = half_closed
        self._leaving: select.epoll | None = None
        """Ready when the other side has left altogether; there is one while it only sends no more."""
        self._asked = False
        self._body: StreamReader | None = None
        """Of the request that is under way."""
        self._silent_since = loop.time()

    @contextmanager
    def busy(self, body: StreamReader) -> Iterator[None]:
        """While a request is answered."""
        self._asked, self._body = True, body
        if self._leaving is not None and not body.is_eof():
            self.abort()  # the rest will not come
        try:
            yield
        finally:
            self._body = None
            self._silent_since = asyncio.get_running_loop().time()
            if self._leaving is not None:
                self._end_unless_busy(_TURNS)

    def end_if_never_asked(self) -> None:
        """Let go of whoever has sent no whole head of a request yet."""
        if not self._asked:
            self.abort()

    def end_if_silent_since(self, moment: float) -> None:
        """Let go of whoever has had no request under way since then."""
        if self._body is None and self._silent_since <= moment:
            self.abort()

    def abort(self) -> None:
        """End it without a word."""
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream"
        self._transport = transport
        self.handler.connection_made(transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._leaving is not None:
            asyncio.get_running_loop().remove_reader(self._leaving)
            self._leaving.close()
        self.handler.connection_lost(exc)
        if not self.ended.done():
            self.ended.set_result(None)

    @override
    def data_received(self, data: bytes) -> None:
        self.handler.data_received(data)

    @override
    def eof_received(self) -> bool:
        """Whether there may be somebody to answer; over TCP it is known a minute or so later that there is nobody."""
        self.handler.eof_received()
        if (
            not self._half_closed
            or self._transport is None
            or not (self._body is None or self._body.is_eof())
        ):
            return False
        connection = self._transport.get_extra_info("socket")
        probe(connection)
        self._leaving = select.epoll(1)
        self._leaving.register(connection, 0)  # EPOLLHUP and EPOLLERR are always awaited
        asyncio.get_running_loop().add_reader(self._leaving, self.abort)
        self._end_unless_busy(_TURNS)
        return True

    def _end_unless_busy(self, turns: int) -> None:
        """End it in so many turns of the loop: what came last may be a request that aiohttp has not looked at yet."""
        if self._transport is None or self._body is not None:
            return
        if turns:
            asyncio.get_running_loop().call_soon(self._end_unless_busy, turns - 1)
        else:
            self._transport.close()  # what was answered is sent before

    @override
    def pause_writing(self) -> None:
        self.handler.pause_writing()

    @override
    def resume_writing(self) -> None:
        self.handler.resume_writing()
