"""What partners call: releases of their subsets, look-ups, hits, cases, proposals, and their own key.

Evaluation is bytes in and bytes out: the elements are not looked at here, nor is what a report, a proposal or a
disclosed query says. What a node does not offer it answers as if it had no such address.
"""

from aiohttp import web

from node.web.bodies import read_body
from node.web.handlers.logreads import origin_of, read_checkpoint, read_entries, read_tile
from node.web.http_connections import while_awaited
from node.web.replies import plain, ranged
from node.web.settings import MAX_FORM_BYTES
from node.web.state import CALLER, services_of
from protocol.api import HitApi, ProposalApi, ReleaseApi
from protocol.encoding import parse_decimal
from protocol.errors import MalformedError
from protocol.hit_evidence.bundle import FORMATS
from protocol.limits import (
    MAX_DISCLOSED_BYTES,
    MAX_DISPUTE_BYTES,
    MAX_HIT_REPORT_BYTES,
    MAX_LOG_SIZE,
    MAX_PROPOSAL_BYTES,
    MAX_REQUEST_BODY,
    MAX_RESOLUTION_BYTES,
)
from protocol.messages import EvaluationRequest, ReleasePart, RenewalRequest


def _releases(request: web.Request) -> ReleaseApi:
    return services_of(request).partner(request[CALLER])


async def subset_checkpoint(request: web.Request) -> web.StreamResponse:
    """The signed head of a release log."""
    return await read_checkpoint(request, _releases(request), origin_of(request, "subset"))


async def subset_entries(request: web.Request) -> web.StreamResponse:
    """A bundle of release manifests."""
    return await read_entries(request, _releases(request), origin_of(request, "subset"))


async def subset_tile(request: web.Request) -> web.StreamResponse:
    """A hash tile of a release log."""
    return await read_tile(request, _releases(request), origin_of(request, "subset"))


async def release_part(request: web.Request) -> web.StreamResponse:
    """A release file, whole or as a delta."""
    version = parse_decimal(request.match_info["version"], MAX_LOG_SIZE)
    part = ReleasePart(request.match_info["part"])
    body = await _releases(request).release_part(
        request.match_info["subset"], version=version, part=part, since=_since(request)
    )
    return ranged(request, body)


def _since(request: web.Request) -> int | None:
    if set(request.query) - {"since"} or len(request.query) > 1:
        raise MalformedError("release file: the only parameter is since=VERSION")
    text = request.query.get("since")
    return None if text is None else parse_decimal(text, MAX_LOG_SIZE)


async def evaluate(request: web.Request) -> web.StreamResponse:
    """Evaluate blinded elements."""
    asked = EvaluationRequest.from_bytes(await read_body(request, max_bytes=MAX_REQUEST_BODY))
    reply = await while_awaited(request, _releases(request).evaluate(request.match_info["subset"], asked))
    return plain(request, reply.to_bytes())


def _hits(request: web.Request) -> HitApi:
    return services_of(request).hits(request[CALLER])


async def report_hit(request: web.Request) -> web.StreamResponse:
    """Take a report; the reply is the signed receipt."""
    body = await read_body(request, max_bytes=MAX_HIT_REPORT_BYTES)
    return plain(request, await _hits(request).report_hit(request.match_info["subset"], body))


async def hit_evidence(request: web.Request) -> web.StreamResponse:
    """Evidence of a reported hit."""
    asked = request.match_info
    version = parse_decimal(request.query.get("version", "1"), max(FORMATS))
    return plain(
        request, await _hits(request).hit_evidence(asked["subset"], asked["report_id"], version=version)
    )


async def ended_reports(request: web.Request) -> web.StreamResponse:
    """Reports that ended after one."""
    asked = request.match_info
    return plain(request, await _hits(request).ended_reports(asked["subset"], asked["report_id"]))


async def resolve_hit(request: web.Request) -> web.StreamResponse:
    """Take what became of the file of a reported hit; the reply is a signed receipt."""
    body = await read_body(request, max_bytes=MAX_RESOLUTION_BYTES)
    return plain(request, await _hits(request).resolve_hit(request.match_info["subset"], body))


async def open_case(request: web.Request) -> web.StreamResponse:
    """Dispute a reported hit."""
    body = await read_body(request, max_bytes=MAX_DISPUTE_BYTES)
    return plain(request, await _hits(request).open_case(request.match_info["subset"], body))


async def case(request: web.Request) -> web.StreamResponse:
    """The state of a case."""
    asked = request.match_info
    return plain(request, await _hits(request).case(asked["subset"], asked["report_id"]))


def _proposals(request: web.Request) -> ProposalApi:
    return services_of(request).proposals(request[CALLER])


async def propose(request: web.Request) -> web.StreamResponse:
    """Take a proposal; the reply is the signed receipt."""
    body = await read_body(request, max_bytes=MAX_PROPOSAL_BYTES)
    return plain(request, await _proposals(request).propose(request.match_info["subset"], body))


async def proposal(request: web.Request) -> web.StreamResponse:
    """What became of a proposal."""
    asked = request.match_info
    return plain(request, await _proposals(request).proposal(asked["subset"], asked["proposal_id"]))


async def withdraw_proposal(request: web.Request) -> web.StreamResponse:
    """Take back what waits of a proposal."""
    await read_body(request, max_bytes=0)
    asked = request.match_info
    return plain(request, await _proposals(request).withdraw_proposal(asked["subset"], asked["proposal_id"]))


async def disclosed_lookup(request: web.Request) -> web.StreamResponse:
    """Which values of a query are near an entry."""
    served = services_of(request).disclosed(request[CALLER])
    body = await read_body(request, max_bytes=MAX_DISCLOSED_BYTES)
    reply = await served.disclosed_lookup(request.match_info["subset"], body)
    return plain(request, reply)


async def renew_key(request: web.Request) -> web.StreamResponse:
    """Replace the caller's key."""
    served = services_of(request).renewals(request[CALLER])
    asked = RenewalRequest.from_bytes(await read_body(request, max_bytes=MAX_FORM_BYTES))
    reply = await served.renew(request.match_info["subset"], asked)
    return plain(request, reply.to_bytes())
