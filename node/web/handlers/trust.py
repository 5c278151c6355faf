"""What anybody may fetch: the trust files of this node and of the members of its register, and its TUF repository."""

from typing import Final

from aiohttp import web

from node.web.replies import conditional
from node.web.state import services_of

_VERSION_DIGITS: Final = 3
"""Nobody holds more than 256 versions of a root."""


async def root(request: web.Request) -> web.StreamResponse:
    """The root of trust."""
    return conditional(request, await services_of(request).trust.root())


async def node_document(request: web.Request) -> web.StreamResponse:
    """The signed node document."""
    return conditional(request, await services_of(request).trust.node_document())


async def members(request: web.Request) -> web.StreamResponse:
    """The signed members register."""
    return conditional(request, await services_of(request).trust.members())


async def member_root(request: web.Request) -> web.StreamResponse:
    """The root of a member."""
    node, version = request.match_info["node"], request.match_info["version"]
    number = int(version) if len(version) <= _VERSION_DIGITS and not version.startswith("0") else 0
    root = await services_of(request).trust.member_root(node, version=number)
    return conditional(request, root)


async def member_document(request: web.Request) -> web.StreamResponse:
    """The signed node document of a member."""
    document = await services_of(request).trust.member_document(request.match_info["node"])
    return conditional(request, document)


async def tuf_metadata(request: web.Request) -> web.StreamResponse:
    """A file of TUF metadata; timestamp.json alone ever changes."""
    return conditional(request, await services_of(request).tuf.tuf_metadata(request.match_info["metadata"]))


async def tuf_target(request: web.Request) -> web.StreamResponse:
    """A trust file that TUF metadata lists."""
    return conditional(request, await services_of(request).tuf.tuf_target(request.match_info["target"]))
