"""Subsets for partners: release log, release files, evaluation.

Evaluation is bytes in and bytes out: the elements are not looked at here.
"""

from aiohttp import web

from node.web.bodies import read_body
from node.web.replies import FOREVER, NO_STORE, conditional, plain, ranged
from node.web.state import CALLER, services_of
from protocol.api import SubsetApi
from protocol.encoding import parse_decimal
from protocol.errors import MalformedError
from protocol.limits import BUNDLE_WIDTH, MAX_LOG_SIZE, MAX_REQUEST_BODY
from protocol.messages import EvaluationRequest, ReleasePart
from protocol.tlog.tiles import parse_entries_path, parse_tile_path

_BIN = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"


def _api(request: web.Request) -> SubsetApi:
    return services_of(request).partner(request[CALLER])


def _origin(request: web.Request) -> str:
    return f"{services_of(request).node}/subsets/{request.match_info['subset']}"


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """The signed head of a release log."""
    note = await _api(request).checkpoint(_origin(request), held=None)
    assert note is not None, "nothing was said to be held"
    return conditional(request, note, _TEXT)


async def entries(request: web.Request) -> web.StreamResponse:
    """A bundle of release manifests."""
    index, width = parse_entries_path(f"tile/entries/{request.match_info['tile']}")
    body = await _api(request).entries(_origin(request), index=index, width=width)
    return plain(body, _BIN, cache=FOREVER if width == BUNDLE_WIDTH else NO_STORE)


async def tile(request: web.Request) -> web.StreamResponse:
    """A hash tile of a release log."""
    asked = parse_tile_path(f"tile/{request.match_info['level']}/{request.match_info['tile']}")
    body = await _api(request).tile(_origin(request), level=asked.level, index=asked.index, width=asked.width)
    return plain(body, _BIN, cache=FOREVER if asked.full else NO_STORE)


async def release_part(request: web.Request) -> web.StreamResponse:
    """A release file, whole or as a delta."""
    version = parse_decimal(request.match_info["version"], MAX_LOG_SIZE)
    part = ReleasePart(request.match_info["part"])
    body = await _api(request).release_part(
        request.match_info["subset"], version=version, part=part, since=_since(request)
    )
    return ranged(request, body, _BIN)


def _since(request: web.Request) -> int | None:
    if set(request.query) - {"since"} or len(request.query) > 1:
        raise MalformedError("release file: the only parameter is since=VERSION")
    text = request.query.get("since")
    return None if text is None else parse_decimal(text, MAX_LOG_SIZE)


async def evaluate(request: web.Request) -> web.StreamResponse:
    """Evaluate blinded elements."""
    asked = EvaluationRequest.from_bytes(await read_body(request, max_bytes=MAX_REQUEST_BODY))
    reply = await _api(request).evaluate(request.match_info["subset"], asked)
    return plain(reply.to_bytes(), _BIN)
