"""Peers' acknowledgements of this node's lists and trust files: signed statements in, an empty object out.

What a statement says is not looked at here. A node that takes none answers as if it had no such address.
"""

from aiohttp import web

from node.errors import NotFoundError
from node.web.bodies import read_body
from node.web.handlers.logreads import origin_of
from node.web.replies import plain
from node.web.state import CALLER, services_of
from protocol.limits import MAX_ACKNOWLEDGEMENT_STATEMENT_BYTES


async def acknowledge_trust(request: web.Request) -> web.StreamResponse:
    """Take in what the caller holds of the trust files."""
    made = services_of(request).trust_acknowledgements
    if made is None:
        raise NotFoundError("this node takes no acknowledgements")
    statement = await read_body(request, max_bytes=MAX_ACKNOWLEDGEMENT_STATEMENT_BYTES)
    await made(request[CALLER]).acknowledge_trust(statement)
    return plain(b"{}", "application/json")


async def acknowledge(request: web.Request) -> web.StreamResponse:
    """Take in what the caller says of a list."""
    made = services_of(request).acknowledgements
    if made is None:
        raise NotFoundError("this node takes no acknowledgements")
    origin = origin_of(request, "list")
    statement = await read_body(request, max_bytes=MAX_ACKNOWLEDGEMENT_STATEMENT_BYTES)
    await made(request[CALLER]).acknowledge(origin, statement)
    return plain(b"{}", "application/json")
