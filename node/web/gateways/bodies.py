"""What clients of the daemon send: files in pieces, small bodies whole, each within a size and a time."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import BadHttpMessage

from node.formats.transfer_encoding import AS_IT_IS, DECODERS, Decoder
from node.ports.inspection import Inspected
from node.web.codings import is_coded
from node.web.gateways.services import services_of, unavailable
from node.web.http_connections import arriving

MAX_JSON_BYTES: Final = 1024 * 1024
_PIECE: Final = 256 * 1024


class NotLookedUpError(Exception):
    """A file could not be hashed; the text says why."""


async def inspected(request: web.Request, name: str) -> Inspected:
    """The body as a file; raises as `inspected_part`, and 415 for a form, which is clean whatever file it holds."""
    if any("multipart/" in said.lower() for said in request.headers.getall("Content-Type", ())):
        raise web.HTTPUnsupportedMediaType(
            text="the body is the file itself, not a form that holds it: curl --data-binary @FILE, not -F"
        )
    return await _inspected(request, _body(request), name)


async def inspected_part(request: web.Request, part: BodyPartReader, name: str) -> Inspected:
    """A part of a form as a file, decoded where it says that it is sent in base64 or quoted-printable.

    Raises 400 for one that is not encoded as it says, 413 for one that is too long, 408 for one that comes too slowly,
    and `NotLookedUpError`.
    """
    pieces = _part(request, part)
    make = DECODERS.get(_encoding(part))
    return await _inspected(request, pieces if make is None else _decoded(pieces, make()), name)


async def _inspected(request: web.Request, pieces: AsyncIterator[bytes], name: str) -> Inspected:
    services = services_of(request)
    async with services.inspector.receiving() as upload:
        try:
            async with asyncio.timeout(services.body_seconds):
                async for piece in pieces:
                    if not upload.write(piece):
                        raise web.HTTPRequestEntityTooLarge(max_size=0, actual_size=0)
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        try:
            return await upload.inspect(name)
        except OSError as exc:
            if exc.errno == errno.EBUSY:
                raise unavailable(str(exc.strerror)) from None
            raise NotLookedUpError(exc.strerror or str(exc)) from exc


async def first_part(request: web.Request) -> tuple[MultipartReader, BodyPartReader]:
    """A form, and its first part to be read; raises 400, 408, and 415 for one whose file is sent in another way."""
    if request.content_type != "multipart/form-data":
        raise _no_form()
    try:
        form = await request.multipart()
    except (ValueError, RuntimeError):
        raise _unreadable() from None
    part = await _next_part(request, form)
    if not isinstance(part, BodyPartReader):
        raise _no_form()
    if _encoding(part) not in AS_IT_IS | DECODERS.keys() or is_coded(part.headers):
        raise web.HTTPUnsupportedMediaType(
            text="send the file as it is, or in base64 or quoted-printable: what is encoded has other hashes"
        )
    return form, part


def _encoding(part: BodyPartReader) -> str:
    """How it says that it is sent; what says so twice is none that is known."""
    return ", ".join(part.headers.getall("Content-Transfer-Encoding", ["binary"])).strip().lower()


async def require_no_more(request: web.Request, form: MultipartReader) -> None:
    """Raise 400 for a form that has a further part: it would pass for judged."""
    if await _next_part(request, form) is not None:
        raise web.HTTPBadRequest(text="Only one file allowed per request")


async def _next_part(request: web.Request, form: MultipartReader) -> object | None:
    try:
        with arriving():
            async with asyncio.timeout(services_of(request).piece_seconds):
                return await form.next()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, RuntimeError, BadHttpMessage):
        raise _unreadable() from None


def _unreadable() -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text="the form cannot be read")


def _no_form() -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text="Missing multipart/form-data file upload")


async def read_json(request: web.Request) -> Any:
    """A JSON body; raises 400, 408 and 413."""
    data = bytearray()
    try:
        async with asyncio.timeout(services_of(request).body_seconds):
            async for piece in _body(request):
                data += piece
                if len(data) > MAX_JSON_BYTES:
                    raise web.HTTPRequestEntityTooLarge(max_size=MAX_JSON_BYTES, actual_size=len(data))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    try:
        return json.loads(bytes(data))
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="the body is not JSON") from None


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    seconds = services_of(request).piece_seconds
    while True:
        with arriving():
            async with asyncio.timeout(seconds):
                piece = await request.content.readany()
        if not piece:
            return
        yield piece


async def _decoded(pieces: AsyncIterator[bytes], decoder: Decoder) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            yield decoder.feed(piece)
        yield decoder.end()
    except ValueError as exc:
        raise web.HTTPBadRequest(text=f"the file is not encoded as it says: {exc}") from None


async def _part(request: web.Request, part: BodyPartReader) -> AsyncIterator[bytes]:
    seconds = services_of(request).piece_seconds
    while True:
        with arriving():
            async with asyncio.timeout(seconds):
                piece = await part.read_chunk(_PIECE)
        if not piece:
            return
        yield piece
