"""What other agencies call: lists and openings, acknowledgements, what is held of theirs, witness and gossip.

The origin asked for is always one of this node's own; which of its openings a caller sees is decided by the API that
was made for that caller, who is given back its own lists alone. What a statement says is not looked at here. The
witness (C2SP tlog-witness) is public, as a log shows who it is by its signature; of all refusals only its 409 has a
body that the protocol prescribes, the others are problem documents like everywhere. What a node does not offer it
answers as if it had no such address.
"""

from typing import Final

from aiohttp import web

from keys.trust.names import is_log_name
from node.errors import ForbiddenError, NotFoundError
from node.web.bodies import read_body
from node.web.handlers.logreads import (
    bundle_of,
    first_of,
    origin_of,
    read_checkpoint,
    read_entries,
    read_tile,
)
from node.web.replies import NO_STORE, conditional, plain
from node.web.state import CALLER, offered, services_of
from protocol.api import HeldApi, ListApi, WitnessApi
from protocol.errors import MalformedError, ProofError
from protocol.limits import MAX_ACKNOWLEDGEMENT_STATEMENT_BYTES, MAX_ADD_CHECKPOINT_BYTES
from protocol.lists.grant import encode_grant
from protocol.witness.cosign import Refuse, Status

_SIZE_TYPE: Final = "text/x.tlog.size"
_ERRORS: Final[dict[Status, type[Exception]]] = {
    Status.MALFORMED: MalformedError,
    Status.UNTRUSTED: ForbiddenError,
    Status.UNKNOWN: NotFoundError,
    Status.INCONSISTENT: ProofError,
}


def _lists(request: web.Request) -> ListApi:
    return services_of(request).peer(request[CALLER])


async def list_checkpoint(request: web.Request) -> web.StreamResponse:
    """The signed head of a list."""
    return await read_checkpoint(request, _lists(request), origin_of(request, "list"))


async def list_entries(request: web.Request) -> web.StreamResponse:
    """An entry bundle."""
    return await read_entries(request, _lists(request), origin_of(request, "list"))


async def list_tile(request: web.Request) -> web.StreamResponse:
    """A hash tile."""
    return await read_tile(request, _lists(request), origin_of(request, "list"))


async def grant(request: web.Request) -> web.StreamResponse:
    """What the caller may read; it can change at any time, so nobody may keep it."""
    return plain(request, encode_grant(await _lists(request).granted()))


async def openings(request: web.Request) -> web.StreamResponse:
    """The openings of a bundle; they can be shredded, so nobody may keep them on the way."""
    origin = origin_of(request, "list")
    index, width = bundle_of(request)
    first = first_of(request, width)
    return plain(request, await _lists(request).openings(origin, index=index, width=width, first=first))


async def acknowledge(request: web.Request) -> web.StreamResponse:
    """Take in what the caller says of a list."""
    served = services_of(request).acknowledgements(request[CALLER])
    origin = origin_of(request, "list")
    statement = await read_body(request, max_bytes=MAX_ACKNOWLEDGEMENT_STATEMENT_BYTES)
    await served.acknowledge(origin, statement)
    return plain(request, b"{}")


async def acknowledge_trust(request: web.Request) -> web.StreamResponse:
    """Take in what the caller holds of the trust files."""
    served = services_of(request).trust_acknowledgements(request[CALLER])
    statement = await read_body(request, max_bytes=MAX_ACKNOWLEDGEMENT_STATEMENT_BYTES)
    await served.acknowledge_trust(statement)
    return plain(request, b"{}")


def _held(request: web.Request) -> tuple[HeldApi, str]:
    caller, name = request[CALLER], request.match_info["list"]
    if not is_log_name(name):
        raise NotFoundError("there is no such list here")
    return services_of(request).held(caller), f"{caller.client}/lists/{name}"


async def held_checkpoint(request: web.Request) -> web.StreamResponse:
    """The head of the caller's list."""
    api, origin = _held(request)
    return plain(request, await api.checkpoint(origin))


async def held_entries(request: web.Request) -> web.StreamResponse:
    """An entry bundle of it."""
    api, origin = _held(request)
    index, width = bundle_of(request)
    return plain(request, await api.entries(origin, index=index, width=width))


async def held_openings(request: web.Request) -> web.StreamResponse:
    """The openings of a bundle of it, as far as they are held."""
    api, origin = _held(request)
    index, width = bundle_of(request)
    return plain(request, await api.openings(origin, index=index, width=width))


def _witness(request: web.Request) -> WitnessApi:
    return offered(services_of(request).witness, "this node is no witness")


async def add_checkpoint(request: web.Request) -> web.StreamResponse:
    """Cosign a checkpoint."""
    witness = _witness(request)
    answer = await witness.add_checkpoint(await read_body(request, max_bytes=MAX_ADD_CHECKPOINT_BYTES))
    if not isinstance(answer, Refuse):
        return plain(request, answer)
    if answer.status is Status.BEHIND:
        headers = {"Content-Type": _SIZE_TYPE, "Cache-Control": NO_STORE}
        return web.Response(status=answer.status, body=f"{answer.size}\n".encode(), headers=headers)
    raise _ERRORS[answer.status](answer.reason)


async def witnessed_checkpoint(request: web.Request) -> web.StreamResponse:
    """The last checkpoint cosigned of a log."""
    note = await _witness(request).witnessed(request.match_info["origin_sha256"])
    return conditional(request, note)


async def gossip(request: web.Request) -> web.StreamResponse:
    """What this node holds."""
    told = await services_of(request).gossip.gossip(held=None)
    assert told is not None, "nothing was said to be held"
    return conditional(request, told)


async def evidence(request: web.Request) -> web.StreamResponse:
    """One object by its SHA-256."""
    return plain(request, await services_of(request).gossip.evidence(request.match_info["sha256"]))
