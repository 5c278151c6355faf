"""What anybody may ask: trust files, the description of this API, whether the node serves, enrolment."""

import json
from typing import Final

from aiohttp import web

from node.errors import NotFoundError
from node.web.bodies import read_body
from node.web.openapi import describe
from node.web.replies import NO_STORE, conditional, plain
from node.web.settings import MAX_FORM_BYTES
from node.web.state import STATE, services_of
from protocol.api import TufApi
from protocol.messages import EnrolmentRequest

_JSON: Final = "application/json"
_VERSION_DIGITS: Final = 3
"""Nobody holds more than 256 versions of a root."""


async def root(request: web.Request) -> web.StreamResponse:
    """The root of trust."""
    return conditional(request, await services_of(request).trust().root(), _JSON)


async def node_document(request: web.Request) -> web.StreamResponse:
    """The signed node document."""
    return conditional(request, await services_of(request).trust().node_document(), _JSON)


async def members(request: web.Request) -> web.StreamResponse:
    """The signed members register."""
    return conditional(request, await services_of(request).trust().members(), _JSON)


async def member_root(request: web.Request) -> web.StreamResponse:
    """The root of a member."""
    node, version = request.match_info["node"], request.match_info["version"]
    number = int(version) if len(version) <= _VERSION_DIGITS and not version.startswith("0") else 0
    root = await services_of(request).trust().member_root(node, version=number)
    return conditional(request, root, _JSON)


async def member_document(request: web.Request) -> web.StreamResponse:
    """The signed node document of a member."""
    document = await services_of(request).trust().member_document(request.match_info["node"])
    return conditional(request, document, _JSON)


async def tuf_metadata(request: web.Request) -> web.StreamResponse:
    """A file of TUF metadata; timestamp.json alone ever changes."""
    return conditional(request, await _tuf(request).tuf_metadata(request.match_info["metadata"]), _JSON)


async def tuf_target(request: web.Request) -> web.StreamResponse:
    """A trust file that TUF metadata lists."""
    return conditional(request, await _tuf(request).tuf_target(request.match_info["target"]), _JSON)


def _tuf(request: web.Request) -> TufApi:
    tuf = services_of(request).tuf
    if tuf is None:
        raise NotFoundError("this node has no TUF repository")
    return tuf


async def enrol(request: web.Request) -> web.StreamResponse:
    """Register a partner."""
    asked = EnrolmentRequest.from_bytes(await read_body(request, max_bytes=MAX_FORM_BYTES))
    reply = await services_of(request).enrolment().enrol(asked)
    return plain(reply.to_bytes(), _JSON)


async def openapi(request: web.Request) -> web.StreamResponse:
    """The description of this API."""
    return conditional(request, json.dumps(describe()).encode(), _JSON)


async def health(_request: web.Request) -> web.StreamResponse:
    """Whether the node is serving; says nothing about what."""
    return plain(b'{"status":"ok"}', _JSON, cache=NO_STORE)


async def ready(request: web.Request) -> web.StreamResponse:
    """Whether the node can answer, and whether its logs grow; says nothing about why not."""
    confirmed = await request.app[STATE].readiness.require()
    said = {"status": "ready", "additions": "signed" if confirmed else "waiting"}
    return plain(json.dumps(said, separators=(",", ":")).encode(), _JSON, cache=NO_STORE)
