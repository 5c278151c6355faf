"""Request bodies: all of it, within a size and a time."""

import asyncio

from aiohttp import web

from node.web.http_connections import arriving
from node.web.state import STATE


async def read_body(request: web.Request, *, max_bytes: int) -> bytes:
    """The body; a longer one is refused with 413 before or while it arrives, a slow one with 408, a part with 400."""
    if (request.content_length or 0) > max_bytes:
        raise web.HTTPRequestEntityTooLarge(max_size=max_bytes, actual_size=request.content_length or 0)
    body = bytearray()
    try:
        with arriving():
            async with asyncio.timeout(request.app[STATE].settings.body_seconds):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > max_bytes:
                        raise web.HTTPRequestEntityTooLarge(max_size=max_bytes, actual_size=len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return bytes(body)
