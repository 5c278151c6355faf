"""Subsets for partners: release log, release files, evaluation.

Evaluation is bytes in and bytes out: the elements are not looked at here.
"""

from aiohttp import web

from node.errors import NotFoundError
from node.web.bodies import read_body
from node.web.handlers.logreads import BIN, origin_of, read_checkpoint, read_entries, read_tile
from node.web.http_connections import while_awaited
from node.web.replies import plain, ranged
from node.web.settings import MAX_FORM_BYTES
from node.web.state import CALLER, services_of
from protocol.api import ReleaseApi
from protocol.encoding import parse_decimal
from protocol.errors import MalformedError
from protocol.limits import MAX_LOG_SIZE, MAX_REQUEST_BODY
from protocol.messages import EvaluationRequest, ReleasePart, RenewalRequest


def _api(request: web.Request) -> ReleaseApi:
    return services_of(request).partner(request[CALLER])


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """The signed head of a release log."""
    return await read_checkpoint(request, _api(request), origin_of(request, "subset"))


async def entries(request: web.Request) -> web.StreamResponse:
    """A bundle of release manifests."""
    return await read_entries(request, _api(request), origin_of(request, "subset"))


async def tile(request: web.Request) -> web.StreamResponse:
    """A hash tile of a release log."""
    return await read_tile(request, _api(request), origin_of(request, "subset"))


async def release_part(request: web.Request) -> web.StreamResponse:
    """A release file, whole or as a delta."""
    version = parse_decimal(request.match_info["version"], MAX_LOG_SIZE)
    part = ReleasePart(request.match_info["part"])
    body = await _api(request).release_part(
        request.match_info["subset"], version=version, part=part, since=_since(request)
    )
    return ranged(request, body, BIN)


def _since(request: web.Request) -> int | None:
    if set(request.query) - {"since"} or len(request.query) > 1:
        raise MalformedError("release file: the only parameter is since=VERSION")
    text = request.query.get("since")
    return None if text is None else parse_decimal(text, MAX_LOG_SIZE)


async def evaluate(request: web.Request) -> web.StreamResponse:
    """Evaluate blinded elements."""
    asked = EvaluationRequest.from_bytes(await read_body(request, max_bytes=MAX_REQUEST_BODY))
    reply = await while_awaited(request, _api(request).evaluate(request.match_info["subset"], asked))
    return plain(reply.to_bytes(), BIN)


async def renew_key(request: web.Request) -> web.StreamResponse:
    """Replace the caller's key."""
    made = services_of(request).renewals
    if made is None:
        raise NotFoundError("this node renews no keys")
    asked = RenewalRequest.from_bytes(await read_body(request, max_bytes=MAX_FORM_BYTES))
    reply = await made(request[CALLER]).renew(request.match_info["subset"], asked)
    return plain(reply.to_bytes(), "application/json")
