"""Gossip for peers: what this node holds, and what it names there."""

from aiohttp import web

from node.errors import NotFoundError
from node.web.handlers.logreads import BIN
from node.web.replies import conditional, plain
from node.web.state import services_of
from protocol.api import GossipApi


def _api(request: web.Request) -> GossipApi:
    api = services_of(request).gossip
    if api is None:
        raise NotFoundError("this node does not gossip")
    return api


async def gossip(request: web.Request) -> web.StreamResponse:
    """What this node holds."""
    told = await _api(request).gossip(held=None)
    assert told is not None, "nothing was said to be held"
    return conditional(request, told, BIN)


async def evidence(request: web.Request) -> web.StreamResponse:
    """One object by its SHA-256."""
    return plain(await _api(request).evidence(request.match_info["sha256"]), BIN)
