"""A witness over HTTP (C2SP tlog-witness): public, as a log shows who it is by its signature.

Of all refusals only 409 has a body that the protocol prescribes; the others are problem documents like everywhere.
"""

from typing import Final

from aiohttp import web

from node.errors import ForbiddenError, NotFoundError
from node.web.bodies import read_body
from node.web.replies import NO_STORE, conditional, plain
from node.web.state import services_of
from protocol.api import WitnessApi
from protocol.errors import MalformedError, ProofError
from protocol.limits import MAX_ADD_CHECKPOINT_BYTES
from protocol.witness.cosign import Refuse, Status

SIZE_TYPE: Final = "text/x.tlog.size"
_TEXT: Final = "text/plain; charset=utf-8"
_ERRORS: Final[dict[Status, type[Exception]]] = {
    Status.MALFORMED: MalformedError,
    Status.UNTRUSTED: ForbiddenError,
    Status.UNKNOWN: NotFoundError,
    Status.INCONSISTENT: ProofError,
}


def _witness(request: web.Request) -> WitnessApi:
    witness = services_of(request).witness
    if witness is None:
        raise NotFoundError("this node is no witness")
    return witness


async def add_checkpoint(request: web.Request) -> web.StreamResponse:
    """Cosign a checkpoint."""
    witness = _witness(request)
    answer = await witness.add_checkpoint(await read_body(request, max_bytes=MAX_ADD_CHECKPOINT_BYTES))
    if not isinstance(answer, Refuse):
        return plain(answer, _TEXT)
    if answer.status is Status.BEHIND:
        headers = {"Content-Type": SIZE_TYPE, "Cache-Control": NO_STORE}
        return web.Response(status=answer.status, body=f"{answer.size}\n".encode(), headers=headers)
    raise _ERRORS[answer.status](answer.reason)


async def checkpoint(request: web.Request) -> web.StreamResponse:
    """The last checkpoint cosigned of a log."""
    note = await _witness(request).witnessed(request.match_info["origin_sha256"])
    return conditional(request, note, _TEXT)
