"""The ICAP service: a proxy hands over uploads (`reqmod`) and downloads (`respmod`), and gets them back or a page.

What begins like a picture, an archive or any other binary file is read whole and judged; a long text is let pass after
its preview. In a form that a browser sends, each file is judged by itself. A body longer than may be held passes as it
comes, unless nothing may pass unjudged. `ISTag` changes with what is in force, so that proxies drop what they kept.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from node.clock import Entropy
from node.gateways.block_page import BLOCKED_DOWNLOAD, BLOCKED_UPLOAD, NOT_CHECKED, page
from node.gateways.forms import MAX_BOUNDARIES, MAX_PARTS, boundaries_of, parts
from node.gateways.icap_protocol import (
    CONTINUE,
    LAST_CHUNK,
    PREVIEW_BYTES,
    Data,
    End,
    Event,
    IcapError,
    Parser,
    Request,
    chunk,
    encapsulated,
    fields_of,
    reply,
)
from node.gateways.patience import Patience
from node.gateways.wire import EndedError, Wire
from node.journal import Journal
from node.ports.inspecting import Inspected, Inspector, Upload
from node.ports.judging import Outcome, Verdict, Verdicts, blocks

IDLE_SECONDS: Final = 120.0
_SERVICES: Final = {"reqmod": "REQMOD", "respmod": "RESPMOD"}
_MAX_CONNECTIONS: Final = 200
_TTL_SECONDS: Final = 60
_PIECE: Final = 64 * 1024
_ENOUGH: Final = 1024
"""Of a file, to tell that it is a text."""
_TEXT_CONTROLS: Final = frozenset(range(32)) - {9, 10, 12, 13, 27}


_journal = Journal("icap")


@dataclass(frozen=True, slots=True, kw_only=True)
class IcapService:
    """What stands behind the protocol."""

    inspector: Inspector
    release: Callable[[], str]
    """What is in force: up to 30 letters, digits and dashes, other ones whenever it is another."""
    entropy: Entropy
    contact: str = ""
    """Where to object to a blocked file, in words."""
    fail_closed: bool = False
    patience: Patience = field(default_factory=lambda: Patience(IDLE_SECONDS))

    @property
    def istag(self) -> str:
        """The tag of every reply."""
        return f'"{self.release()}"'

    async def serve(self, connection: socket.socket, _client: str = "") -> None:
        """Answer one connection until it ends."""
        wire = Wire(connection, self.patience)
        try:
            await _Conversation(self, wire).hold()
        except (EndedError, TimeoutError, OSError):
            return  # the proxy has gone, or sends nothing
        finally:
            wire.close()


class _Conversation:
    def __init__(self, service: IcapService, wire: Wire) -> None:
        self._service = service
        self._wire = wire
        self._parser = Parser()

    async def hold(self) -> None:
        try:
            while True:
                request = await self._event()
                assert isinstance(request, Request), "a request comes first"
                await self._answer(request)
                if "close" in request.fields.get("connection", "").lower():
                    return
        except IcapError as exc:
            await self._say(exc.status, {"Connection": "close", "Encapsulated": "null-body=0"})
            await self._wire.farewell()

    async def _event(self) -> Event:
        while True:
            event = self._parser.next()
            if event is not None:
                return event
            self._parser.feed(await self._wire.some(_PIECE))

    async def _say(self, status: int, fields: dict[str, str], body: bytes = b"") -> None:
        await self._wire.send(reply(status, self._service.istag, fields, body=body))

    async def _answer(self, request: Request) -> None:
        offered = _SERVICES.get(request.service)
        if offered is None:
            raise IcapError(404)
        if request.method == "OPTIONS":
            await self._options(offered)
        elif request.method != offered:
            raise IcapError(405)
        elif request.has_body:
            await self._adapt(request)
        else:
            await self._unchanged(request, allowed=request.allows_204)

    async def _options(self, offered: str) -> None:
        fields = {
            "Methods": offered,
            "Service": "sigfed",
            "Max-Connections": str(_MAX_CONNECTIONS),
            "Options-TTL": str(_TTL_SECONDS),
            "Allow": "204",
            "Preview": str(PREVIEW_BYTES),
            "Transfer-Preview": "*",  # whatever it is called: names are chosen by whoever sends the file
            "Encapsulated": "null-body=0",
        }
        await self._say(200, fields)

    async def _adapt(self, request: Request) -> None:
        async with self._service.inspector.receiving() as upload:
            allowed = request.allows_204 or request.preview
            end, first = await self._received(upload)
            if not end.whole:
                if _is_text(b"".join(upload.pieces())) and not _boundaries(request):
                    self._parser.next_request()
                    await self._unchanged(request, allowed=True)
                    return
                self._parser.go_on()
                await self._wire.send(CONTINUE)
                allowed = request.allows_204
                _, first = await self._received(upload)
            if first is not None:
                await self._too_long(request, upload, first)
                return
            verdict = await self._judged(request, upload)
            if blocks(verdict, fail_closed=self._service.fail_closed):
                await self._blocked(request, verdict)
                return
            await self._unchanged(request, upload, allowed=allowed)

    async def _received(self, upload: Upload) -> tuple[End, Data | None]:
        """Receive the body or its preview: how it ended, or the first piece that there is no room for."""
        while True:
            event = await self._event()
            if isinstance(event, End):
                return event, None
            assert isinstance(event, Data), "a body comes in pieces"
            if not upload.write(event.content):
                return End(whole=True), event

    async def _too_long(self, request: Request, upload: Upload, first: Data) -> None:
        """A body that there is no room for."""
        _journal.warning("not-judged", reason="too long, or too much at once")
        if not self._service.fail_closed:
            await self._echo(request, _chained(upload, first, self._rest()))
            return
        await self._blocked(request, Verdict(outcome=Outcome.UNKNOWN, reason="too long"))
        await self._wire.farewell()
        raise EndedError  # the rest of the body was not read

    async def _rest(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._event(), Data):
            yield event.content

    async def _judged(self, request: Request, upload: Upload) -> Verdict:
        """Of the body, and of each file in it when it is a form."""
        name = f"{'upload' if request.method == 'REQMOD' else 'download'} through the proxy"
        found = [await _verdict(upload.inspect(name))]
        boundaries = _boundaries(request)
        if len(boundaries) > MAX_BOUNDARIES:
            found.append(_not_judged("a form that can be read in too many ways"))
        for boundary in boundaries[:MAX_BOUNDARIES]:
            places = await asyncio.to_thread(_places, upload, boundary)
            if len(places) > MAX_PARTS:
                found.append(_not_judged("a form of too many parts"))
            found += [
                await _verdict(upload.inspect_part(start, size, name)) for start, size in places[:MAX_PARTS]
            ]
        return Verdicts(tuple(found)).whole

    async def _blocked(self, request: Request, verdict: Verdict) -> None:
        status = BLOCKED_UPLOAD if request.method == "REQMOD" else BLOCKED_DOWNLOAD
        if verdict.outcome is Outcome.UNKNOWN:
            status = NOT_CHECKED
        # A page in any case has a reference: the operator finds the hit by it, and nobody else finds anything.
        reference = (verdict.hit_id or self._service.entropy(16).hex())[:8]
        head, body = page(status, reference, self._service.contact)
        heads = {"res-hdr": head}
        fields = {"Encapsulated": encapsulated(heads, body="res-body")}
        await self._say(200, fields, head + chunk(body) + LAST_CHUNK)

    async def _unchanged(self, request: Request, upload: Upload | None = None, *, allowed: bool) -> None:
        """Nothing to change: said in a word where that is allowed, or else by sending back what came."""
        if allowed:
            await self._say(204, {"Encapsulated": "null-body=0"})
        elif upload is None:
            await self._say(
                200,
                {"Encapsulated": encapsulated(_own(request), body="null-body")},
                b"".join(_own(request).values()),
            )
        else:
            await self._echo(request, _held(upload))

    async def _echo(self, request: Request, pieces: AsyncIterator[bytes]) -> None:
        heads = _own(request)
        body = "req-body" if request.method == "REQMOD" else "res-body"
        await self._say(200, {"Encapsulated": encapsulated(heads, body=body)}, b"".join(heads.values()))
        async for piece in pieces:
            await self._wire.send(chunk(piece))
        await self._wire.send(LAST_CHUNK)


def _own(request: Request) -> dict[str, bytes]:
    """The HTTP head that the request is about."""
    name = "req-hdr" if request.method == "REQMOD" else "res-hdr"
    return {name: request.heads[name]} if name in request.heads else {}


async def _held(upload: Upload) -> AsyncIterator[bytes]:
    for piece in upload.pieces():
        yield piece


async def _chained(upload: Upload, first: Data, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in upload.pieces():
        yield piece
    yield first.content
    async for piece in rest:
        yield piece


def _boundaries(request: Request) -> list[bytes]:
    """Of the form that is uploaded; empty when it is none."""
    if request.method != "REQMOD":
        return []
    return boundaries_of(fields_of(request.heads.get("req-hdr", b""), "content-type"))


def _places(upload: Upload, boundary: bytes) -> list[tuple[int, int]]:
    return list(islice(parts(b"".join(upload.pieces()), boundary), MAX_PARTS + 1))


async def _verdict(work: Awaitable[Inspected]) -> Verdict:
    try:
        return (await work).verdict
    except OSError as exc:
        return _not_judged(exc.strerror or str(exc))


def _not_judged(reason: str) -> Verdict:
    _journal.warning("not-judged", reason=reason)
    return Verdict(outcome=Outcome.UNKNOWN, reason=reason)


def _is_text(head: bytes) -> bool:
    """Whether a file that begins so is a text. What a server says of it is not asked: it may be anybody's."""
    if len(head) < _ENOUGH or _TEXT_CONTROLS.intersection(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as exc:
        return exc.start >= len(head) - 3  # a character that is cut in two by the end of the preview
    return True
