"""Lists for peers: checkpoint, tiles, entries, openings.

The origin asked for is always one of this node's own; which of its openings a caller sees is decided by the API that
was made for that caller.
"""

from aiohttp import web

from node.web.replies import FOREVER, NO_STORE, conditional, plain
from node.web.state import CALLER, services_of
from protocol.api import PeerApi
from protocol.limits import BUNDLE_WIDTH
from protocol.tlog.tiles import parse_entries_path, parse_tile_path

_BIN = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"


def _api(request: web.Request) -> PeerApi:
    return services_of(request).peer(request[CALLER])


def _origin(request: web.Request) -> str:
    return f"{services_of(request).node}/lists/{request.match_info['list']}"


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """The signed head of a list."""
    note = await _api(request).checkpoint(_origin(request), held=None)
    assert note is not None, "nothing was said to be held"
    return conditional(request, note, _TEXT)


async def entries(request: web.Request) -> web.StreamResponse:
    """An entry bundle."""
    index, width = parse_entries_path(f"tile/entries/{request.match_info['tile']}")
    body = await _api(request).entries(_origin(request), index=index, width=width)
    return plain(body, _BIN, cache=FOREVER if width == BUNDLE_WIDTH else NO_STORE)


async def tile(request: web.Request) -> web.StreamResponse:
    """A hash tile."""
    asked = parse_tile_path(f"tile/{request.match_info['level']}/{request.match_info['tile']}")
    body = await _api(request).tile(_origin(request), level=asked.level, index=asked.index, width=asked.width)
    return plain(body, _BIN, cache=FOREVER if asked.full else NO_STORE)


async def openings(request: web.Request) -> web.StreamResponse:
    """The openings of a bundle; they can be shredded, so nobody may keep them on the way."""
    index, width = parse_entries_path(f"tile/entries/{request.match_info['tile']}")
    return plain(await _api(request).openings(_origin(request), index=index, width=width), _BIN)
