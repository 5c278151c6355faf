"""Disclosed look-ups of partners: PDQ values in, collections out.

What a query says is not looked at here. A node that answers none has no such address.
"""

from aiohttp import web

from node.errors import NotFoundError
from node.web.bodies import read_body
from node.web.handlers.logreads import BIN
from node.web.replies import plain
from node.web.state import CALLER, services_of
from protocol.limits import MAX_DISCLOSED_BYTES


async def look_up(request: web.Request) -> web.StreamResponse:
    """Which values of a query are near an entry."""
    made = services_of(request).disclosed
    if made is None:
        raise NotFoundError("this node answers no disclosed look-ups")
    body = await read_body(request, max_bytes=MAX_DISCLOSED_BYTES)
    reply = await made(request[CALLER]).disclosed_lookup(request.match_info["subset"], body)
    return plain(reply, BIN)
