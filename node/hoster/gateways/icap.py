"""The ICAP service: a proxy hands over uploads (`reqmod`) and downloads (`respmod`), and gets them back or a page.

What begins like a picture, an archive or any other binary file is read whole and judged; a long text is let pass after
its preview. In a form that a browser sends, each file is judged by itself. What is longer than may be held, or comes
too slowly, passes as it comes, unless nothing may pass unjudged. `ISTag` changes with what is in force, so that proxies
drop what they kept.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from node.clock import Entropy
from node.formats.transfer_encoding import DECODERS
from node.hoster.gateways.block_page import BLOCKED_DOWNLOAD, BLOCKED_UPLOAD, NOT_CHECKED, page
from node.hoster.gateways.forms import Form, Part, read_form
from node.hoster.gateways.icap_protocol import (
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
from node.hoster.gateways.patience import WHOLE_SECONDS, Patience
from node.hoster.gateways.wire import EndedError, Wire, wired
from node.journal import Journal
from node.ports.inspection import Inspected, Inspector, Upload
from node.ports.verdicts import Outcome, Verdict, Verdicts, blocks
from protocol.slices import slices

IDLE_SECONDS: Final = 120.0
FULL: Final = b"ICAP/1.0 503 Service overloaded\r\nConnection: close\r\nEncapsulated: null-body=0\r\n\r\n"
"""To whoever is turned away before anything is read."""
JUDGING_SECONDS: Final = 180.0
"""For all files of one body: a form may hold a thousand pictures that each take a minute."""
_SERVICES: Final = {"reqmod": "REQMOD", "respmod": "RESPMOD"}
_TTL_SECONDS: Final = 60
_PIECE: Final = 64 * 1024
_ENOUGH: Final = 1024
"""Bytes of a file that tell whether it is a text."""
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
    """Of one door."""

    @property
    def istag(self) -> str:
        """The tag of every reply."""
        return f'"{self.release()}"'

    async def serve(self, connection: socket.socket, _client: str = "") -> None:
        """Answer one connection until it ends."""
        with wired(connection, self.patience) as wire:
            await _Conversation(self, wire).hold()


class _Conversation:
    def __init__(self, service: IcapService, wire: Wire) -> None:
        self._service = service
        self._wire = wire
        self._parser = Parser()

    async def hold(self) -> None:
        try:
            while await self._begun():
                async with asyncio.timeout(self._service.patience.seconds):  # for all of it, as `Wire.until`
                    request = await self._event()
                assert isinstance(request, Request), "a request comes first"
                await self._answer(request)
                if "close" in request.fields.get("connection", "").lower():
                    return
        except IcapError as exc:
            await self._end(exc.status)
        except TimeoutError:
            await self._end(408)

    async def _begun(self) -> bool:
        """Whether another request begins; who sends none is let go without a word.

        A proxy that sends one at that moment would take the word for its answer, and let pass what nobody judged. Where
        the connection just ends it asks again.
        """
        if self._parser.has_begun:
            return True
        with suppress(TimeoutError):
            return bool(await self._wire.peek())
        return False

    async def _event(self) -> Event:
        while True:
            event = self._parser.next()
            if event is not None:
                return event
            self._parser.feed(await self._wire.some(_PIECE))

    async def _end(self, status: int) -> None:
        fields = {"Connection": "close", "Encapsulated": "null-body=0"}
        await self._wire.farewell(reply(status, self._service.istag, fields))

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
            "Options-TTL": str(_TTL_SECONDS),
            "Allow": "204",
            "Preview": str(PREVIEW_BYTES),
            "Transfer-Preview": "*",  # whatever it is called: names are chosen by whoever sends the file
            "Encapsulated": "null-body=0",
        }
        await self._say(200, fields)

    async def _adapt(self, request: Request) -> None:
        until = asyncio.get_running_loop().time() + WHOLE_SECONDS
        async with self._service.inspector.receiving() as upload:
            end = await self._received(upload, until)
            previewed = request.preview and not isinstance(end, End)
            if isinstance(end, End) and not end.whole:
                head = b"".join(upload.pieces())
                if _is_text(head) and _form(request, head) is None:
                    self._parser.next_request()
                    await self._unchanged(request, allowed=True)
                    return
                self._parser.go_on()
                await self._wire.send(CONTINUE)
                end = await self._received(upload, until)
                allowed = request.allows_204
            else:
                allowed = request.allows_204 or request.preview
            if isinstance(end, End):
                await self._judge(request, upload, allowed=allowed)
                return
            _journal.warning("not-judged", reason="too long, too slow, or too much at once")
            if self._service.fail_closed:
                await self._wire.farewell(self._page(request, Verdict(outcome=Outcome.UNKNOWN)))
                raise EndedError  # the rest of the body was not read
            if not previewed:
                await self._echo(request, [*upload.pieces(), *end])
        if previewed:
            await self._pass_preview(request)
        else:
            await self._relay()

    async def _received(self, upload: Upload, until: float) -> End | list[bytes]:
        """Receive the body or its preview: how it ended; or the piece, if any, behind which it is not waited for."""
        while True:
            try:
                async with asyncio.timeout_at(until):
                    event = await self._event()
            except TimeoutError:
                if asyncio.get_running_loop().time() < until:
                    raise
                return []
            if isinstance(event, End):
                return event
            assert isinstance(event, Data), "a body comes in pieces"
            if not upload.write(event.content):
                return [event.content]

    async def _pass_preview(self, request: Request) -> None:
        """Let a body pass of which not even the preview was held: behind a reply that has begun none could follow."""
        async with asyncio.timeout(WHOLE_SECONDS):
            while isinstance(event := await self._event(), Data):
                pass
        if isinstance(event, End) and not event.whole:
            self._parser.next_request()
        await self._unchanged(request, allowed=True)

    async def _relay(self) -> None:
        """Send back the rest of a body as it comes: nothing of it is held here."""
        try:
            while isinstance(event := await self._event(), Data):
                await self._wire.send(chunk(event.content))
        except (IcapError, TimeoutError) as exc:
            raise EndedError from exc  # in the middle of a reply, which must not pass for whole
        await self._wire.send(LAST_CHUNK)

    async def _judge(self, request: Request, upload: Upload, *, allowed: bool) -> None:
        verdict = await self._wire.worth(self._judged(request, upload))
        if blocks(verdict, fail_closed=self._service.fail_closed):
            await self._wire.send(self._page(request, verdict))
        elif allowed:
            await self._unchanged(request, allowed=True)
        else:
            await self._echo(request, upload.pieces())
            await self._wire.send(LAST_CHUNK)

    async def _judged(self, request: Request, upload: Upload) -> Verdict:
        """Of the body, and of each file in it when it is a form."""
        name = f"{'upload' if request.method == 'REQMOD' else 'download'} through the proxy"
        found = []
        try:
            async with asyncio.timeout(JUDGING_SECONDS):
                found.append(await _verdict(upload.inspect(name)))
                form = await asyncio.to_thread(lambda: _form(request, b"".join(upload.pieces())))
                if form is not None and form.fault:
                    found.append(_not_judged(form.fault))
                if _is_packed(request):
                    found.append(_not_judged("it is packed on its way (Content-Encoding)"))
                for part in form.parts if form is not None else ():
                    found.append(await _verdict(upload.inspect_part(part.start, part.size, name)))
                    if part.encoding:
                        found.append(await _verdict(self._decoded(upload, part, name)))
        except TimeoutError:
            found.append(_not_judged("it takes too long"))
        return Verdicts(tuple(found)).whole

    async def _decoded(self, upload: Upload, part: Part, name: str) -> Inspected:
        """What a part decodes to; raises OSError where it is not encoded as it says."""
        decoder = DECODERS[part.encoding]()
        async with self._service.inspector.receiving() as content:
            try:
                for piece in upload.pieces(part.start, part.size):
                    for some in slices(piece, _PIECE):
                        # In a thread, and not all at once: others have their turn.
                        if not content.write(await asyncio.to_thread(decoder.feed, some)):
                            raise OSError("too much at once")
                if not content.write(decoder.end()):
                    raise OSError("too much at once")
            except ValueError as exc:
                raise OSError(f"a part of the form is not {part.encoding}, as it says: {exc}") from None
            return await content.inspect(name)

    def _page(self, request: Request, verdict: Verdict) -> bytes:
        status = BLOCKED_UPLOAD if request.method == "REQMOD" else BLOCKED_DOWNLOAD
        if verdict.outcome is Outcome.UNKNOWN:
            status = NOT_CHECKED
        # A page in any case has a reference: the operator finds the hit by it, and nobody else finds anything.
        reference = (verdict.hit_id or self._service.entropy(16).hex())[:8]
        head, body = page(status, reference, self._service.contact)
        fields = {"Encapsulated": encapsulated({"res-hdr": head}, body="res-body")}
        return reply(200, self._service.istag, fields, body=head + chunk(body) + LAST_CHUNK)

    async def _unchanged(self, request: Request, *, allowed: bool) -> None:
        """Nothing to change in what has no body, or where that may be said in a word."""
        if allowed:
            await self._say(204, {"Encapsulated": "null-body=0"})
            return
        heads = _own(request)
        fields = {"Encapsulated": encapsulated(heads, body="null-body")}
        await self._say(200, fields, b"".join(heads.values()))

    async def _echo(self, request: Request, pieces: Iterable[bytes]) -> None:
        """Send back what came, without the end of its body."""
        heads = _own(request)
        body = "req-body" if request.method == "REQMOD" else "res-body"
        await self._say(200, {"Encapsulated": encapsulated(heads, body=body)}, b"".join(heads.values()))
        for piece in pieces:
            await self._wire.send(chunk(piece))


def _own(request: Request) -> dict[str, bytes]:
    """The HTTP head that the request is about."""
    name = "req-hdr" if request.method == "REQMOD" else "res-hdr"
    return {name: request.heads[name]} if name in request.heads else {}


def _form(request: Request, body: bytes) -> Form | None:
    """The form that is uploaded; None for what is none."""
    if request.method != "REQMOD":
        return None
    return read_form(fields_of(request.heads.get("req-hdr", b""), "content-type"), body)


def _is_packed(request: Request) -> bool:
    """Whether an upload says that it is not sent as it is: a server may unpack it, or pass it on as it came."""
    said = fields_of(request.heads.get("req-hdr", b""), "content-encoding")
    return request.method == "REQMOD" and any(value.lower() != "identity" for value in said)


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
