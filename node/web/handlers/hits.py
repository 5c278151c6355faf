"""Partners' hits: reports in, receipts out; evidence; resolutions; disputes and what became of them.

What a report says is not looked at here. A node that takes no reports answers as if it had no such address.
"""

from aiohttp import web

from node.errors import NotFoundError
from node.web.bodies import read_body
from node.web.handlers.logreads import BIN
from node.web.replies import plain
from node.web.state import CALLER, services_of
from protocol.api import HitApi
from protocol.encoding import parse_decimal
from protocol.hit_evidence.bundle import FORMATS
from protocol.limits import MAX_DISPUTE_BYTES, MAX_HIT_REPORT_BYTES, MAX_RESOLUTION_BYTES

_JSON = "application/json"


def _api(request: web.Request) -> HitApi:
    made = services_of(request).hits
    if made is None:
        raise NotFoundError("this node takes no hit reports")
    return made(request[CALLER])


async def report(request: web.Request) -> web.StreamResponse:
    """Take a report; the reply is the signed receipt."""
    body = await read_body(request, max_bytes=MAX_HIT_REPORT_BYTES)
    return plain(await _api(request).report_hit(request.match_info["subset"], body), _JSON)


async def evidence(request: web.Request) -> web.StreamResponse:
    """Evidence of a reported hit."""
    asked = request.match_info
    version = parse_decimal(request.query.get("version", "1"), max(FORMATS))
    return plain(await _api(request).hit_evidence(asked["subset"], asked["report_id"], version=version), BIN)


async def ended(request: web.Request) -> web.StreamResponse:
    """Reports that ended after one."""
    asked = request.match_info
    return plain(await _api(request).ended_reports(asked["subset"], asked["report_id"]), BIN)


async def resolve(request: web.Request) -> web.StreamResponse:
    """Take what became of the file of a reported hit; the reply is a signed receipt."""
    body = await read_body(request, max_bytes=MAX_RESOLUTION_BYTES)
    return plain(await _api(request).resolve_hit(request.match_info["subset"], body), _JSON)


async def open_case(request: web.Request) -> web.StreamResponse:
    """Dispute a reported hit."""
    body = await read_body(request, max_bytes=MAX_DISPUTE_BYTES)
    return plain(await _api(request).open_case(request.match_info["subset"], body), BIN)


async def case(request: web.Request) -> web.StreamResponse:
    """The state of a case."""
    asked = request.match_info
    return plain(await _api(request).case(asked["subset"], asked["report_id"]), BIN)
