"""Raw digests for recipients, streamed; the key they show is looked at by the recipient service alone.

Where recipients are switched off, or there are none, the node answers as if it had no such address. Once lines are
under way no problem can be sent any more: a download that must end is cut, and its last line is missing.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from node.errors import NodeError
from node.web.middleware import bearer
from node.web.replies import NO_STORE
from node.web.state import offered, services_of

LINES: Final = "application/x-ndjson"


async def recipient_digests(request: web.Request) -> web.StreamResponse:
    """Everything that the recipient may fetch now, or 304 when it holds just that."""
    service = offered(services_of(request).recipients, "this node has no recipients")
    download = await asyncio.to_thread(service.open, bearer(request) or "")
    headers = {"ETag": f'"{download.tag}"', "Cache-Control": NO_STORE}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    chunks = download.chunks()
    first = await _next(chunks)  # what fails before the first line is still a problem
    return await _stream(request, headers, first, chunks)


async def _stream(
    request: web.Request, headers: dict[str, str], first: bytes | None, chunks: Iterator[bytes]
) -> web.StreamResponse:
    reply = web.StreamResponse(headers=headers | {"Content-Type": LINES})
    await reply.prepare(request)
    chunk = first
    try:
        while chunk is not None:
            await reply.write(chunk)
            chunk = await _next(chunks)
    except (NodeError, ConnectionError):  # it may fetch no more, or has gone
        if request.transport is not None:
            request.transport.abort()
        return reply
    await reply.write_eof()
    return reply


async def _next(chunks: Iterator[bytes]) -> bytes | None:
    return await asyncio.to_thread(next, chunks, None)
