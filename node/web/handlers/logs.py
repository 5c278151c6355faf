"""Lists for peers: checkpoint, tiles, entries, openings.

The origin asked for is always one of this node's own; which of its openings a caller sees is decided by the API that
was made for that caller.
"""

from aiohttp import web

from node.web.handlers.logreads import (
    BIN,
    bundle_of,
    first_of,
    origin_of,
    read_checkpoint,
    read_entries,
    read_tile,
)
from node.web.replies import plain
from node.web.state import CALLER, services_of
from protocol.api import ListApi
from protocol.lists.grant import encode_grant


def _api(request: web.Request) -> ListApi:
    return services_of(request).peer(request[CALLER])


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """The signed head of a list."""
    return await read_checkpoint(request, _api(request), origin_of(request, "list"))


async def entries(request: web.Request) -> web.StreamResponse:
    """An entry bundle."""
    return await read_entries(request, _api(request), origin_of(request, "list"))


async def tile(request: web.Request) -> web.StreamResponse:
    """A hash tile."""
    return await read_tile(request, _api(request), origin_of(request, "list"))


async def grant(request: web.Request) -> web.StreamResponse:
    """What the caller may read; it can change at any time, so nobody may keep it."""
    return plain(encode_grant(await _api(request).granted()), "application/json")


async def openings(request: web.Request) -> web.StreamResponse:
    """The openings of a bundle; they can be shredded, so nobody may keep them on the way."""
    origin = origin_of(request, "list")
    index, width = bundle_of(request)
    first = first_of(request, width)
    return plain(await _api(request).openings(origin, index=index, width=width, first=first), BIN)
