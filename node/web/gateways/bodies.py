"""What clients of the daemon send: files in pieces, small bodies whole, each within a size and a time."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import BodyPartReader, web

from node.ports.inspecting import Inspected
from node.web.gateways.services import services_of

MAX_JSON_BYTES: Final = 1024 * 1024
_PIECE: Final = 256 * 1024


class NotLookedUpError(Exception):
    """A file could not be hashed; the text says why."""


async def inspected(request: web.Request, name: str) -> Inspected:
    """The body as a file; raises as `inspected_part`."""
    return await _inspected(request, _body(request), name)


async def inspected_part(request: web.Request, part: BodyPartReader, name: str) -> Inspected:
    """A part of a form as a file.

    Raises 413 for one that is too long, 408 for one that comes too slowly, and `NotLookedUpError`.
    """
    return await _inspected(request, _part(request, part), name)


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
            raise NotLookedUpError(exc.strerror or str(exc)) from exc


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
        async with asyncio.timeout(seconds):
            piece = await request.content.readany()
        if not piece:
            return
        yield piece


async def _part(request: web.Request, part: BodyPartReader) -> AsyncIterator[bytes]:
    seconds = services_of(request).piece_seconds
    while True:
        async with asyncio.timeout(seconds):
            piece = await part.read_chunk(_PIECE)
        if not piece:
            return
        yield piece
