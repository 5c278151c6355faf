"""Partners' proposals: hashes in, receipts out; what became of them; taking them back.

What a proposal says is not looked at here. A node that takes none answers as if it had no such address.
"""

from aiohttp import web

from node.errors import NotFoundError
from node.web.bodies import read_body
from node.web.handlers.logreads import BIN
from node.web.replies import plain
from node.web.state import CALLER, services_of
from protocol.api import ProposalApi
from protocol.limits import MAX_PROPOSAL_BYTES

_JSON = "application/json"


def _api(request: web.Request) -> ProposalApi:
    made = services_of(request).proposals
    if made is None:
        raise NotFoundError("this node takes no proposals")
    return made(request[CALLER])


async def propose(request: web.Request) -> web.StreamResponse:
    """Take a proposal; the reply is the signed receipt."""
    body = await read_body(request, max_bytes=MAX_PROPOSAL_BYTES)
    return plain(await _api(request).propose(request.match_info["subset"], body), _JSON)


async def proposal(request: web.Request) -> web.StreamResponse:
    """What became of a proposal."""
    asked = request.match_info
    return plain(await _api(request).proposal(asked["subset"], asked["proposal_id"]), BIN)


async def withdraw(request: web.Request) -> web.StreamResponse:
    """Take back what waits of a proposal."""
    await read_body(request, max_bytes=0)
    asked = request.match_info
    return plain(await _api(request).withdraw_proposal(asked["subset"], asked["proposal_id"]), BIN)
