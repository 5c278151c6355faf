"""Reads that lists and release logs have in common: checkpoint, entries, tile.

A name in the path is looked at before anything is looked up by it: what cannot name a log is not found, and is not
repeated in the answer. Which API answers is decided by the handlers of each kind of log.
"""

from aiohttp import web

from keys.trust.names import is_log_name
from node.errors import NotFoundError
from node.web.replies import FOREVER, NO_STORE, conditional, plain
from node.web.state import services_of
from protocol.api import LogApi
from protocol.encoding import parse_decimal
from protocol.errors import MalformedError
from protocol.limits import BUNDLE_WIDTH
from protocol.tlog.tiles import parse_entries_path, parse_tile_path


def origin_of(request: web.Request, kind: str) -> str:
    """Origin of the log of this node that the path names; `kind` is `list` or `subset`.

    Raises:
        NotFoundError: no log can have that name.
    """
    name = request.match_info[kind]
    if not is_log_name(name):
        raise NotFoundError("there is no such log here")
    return f"{services_of(request).node}/{kind}s/{name}"


def bundle_of(request: web.Request) -> tuple[int, int]:
    """Index and width of the bundle that the path names; raises `MalformedError`."""
    return parse_entries_path(f"tile/entries/{request.match_info['tile']}")


def first_of(request: web.Request, width: int) -> int:
    """From which entry of its bundle on, 0 for the whole, a request wants to read; raises `MalformedError`."""
    if not request.query_string:
        return 0
    if set(request.query) != {"first"} or len(request.query) > 1:
        raise MalformedError("bundle: the only parameter is first=NUMBER")
    first = parse_decimal(request.query["first"], width - 1)
    if not first:
        raise MalformedError("bundle: the whole one is asked for without first")
    return first


async def read_checkpoint(request: web.Request, api: LogApi, origin: str) -> web.StreamResponse:
    """The signed head of a log."""
    note = await api.checkpoint(origin, held=None)
    assert note is not None, "nothing was said to be held"
    return conditional(request, note)


async def read_entries(request: web.Request, api: LogApi, origin: str) -> web.StreamResponse:
    """An entry bundle; a full one never changes."""
    index, width = bundle_of(request)
    first = first_of(request, width)
    body = await api.entries(origin, index=index, width=width, first=first)
    return plain(request, body, cache=FOREVER if width == BUNDLE_WIDTH and not first else NO_STORE)


async def read_tile(request: web.Request, api: LogApi, origin: str) -> web.StreamResponse:
    """A hash tile; a full one never changes."""
    asked = parse_tile_path(f"tile/{request.match_info['level']}/{request.match_info['tile']}")
    body = await api.tile(origin, level=asked.level, index=asked.index, width=asked.width)
    return plain(request, body, cache=FOREVER if asked.full else NO_STORE)
