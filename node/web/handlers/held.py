"""Lists that this node holds, given back to the agencies that wrote them: to each its own alone."""

from aiohttp import web

from keys.trust.names import is_log_name
from node.errors import NotFoundError
from node.web.handlers.logreads import BIN, bundle_of
from node.web.replies import plain
from node.web.state import CALLER, services_of
from protocol.api import HeldApi

_TEXT = "text/plain; charset=utf-8"


def _asked(request: web.Request) -> tuple[HeldApi, str]:
    made, caller, name = services_of(request).held, request[CALLER], request.match_info["list"]
    if made is None or not is_log_name(name):
        raise NotFoundError("there is no such list here")
    return made(caller), f"{caller.client}/lists/{name}"


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """The head of the caller's list."""
    api, origin = _asked(request)
    return plain(await api.checkpoint(origin), _TEXT)


async def entries(request: web.Request) -> web.StreamResponse:
    """An entry bundle of it."""
    api, origin = _asked(request)
    index, width = bundle_of(request)
    return plain(await api.entries(origin, index=index, width=width), BIN)


async def openings(request: web.Request) -> web.StreamResponse:
    """The openings of a bundle of it, as far as they are held."""
    api, origin = _asked(request)
    index, width = bundle_of(request)
    return plain(await api.openings(origin, index=index, width=width), BIN)
