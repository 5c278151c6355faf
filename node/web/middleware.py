"""What happens to every request: a request id, one journal line, errors as problems, the gate.

The journal line names the endpoint, never the path or the query: neither can then carry a digest into a log. An error
nobody foresaw is logged by its type and place without its text, for the same reason. Nor does it name who evaluated: a
record of who asked when is what a partner's cover must not depend on.
"""

import traceback
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from node.connections import address_key
from node.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from node.journal import Journal
from node.ports.callers import Caller
from node.web.certificates import presented_in
from node.web.codings import is_coded
from node.web.problems import INTERNAL, problem_of, problem_response
from node.web.state import CALLER, REQUEST_ID, STATE, endpoint_of, services_of
from protocol.endpoints import Endpoint, Scope

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_JOURNAL: Final = Journal("web")
_BEARER: Final = "bearer "
_UNNAMED: Final = frozenset({"evaluate"})
"""Endpoints whose caller is in no journal."""


@web.middleware
async def journal(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, turn errors into problems, write one line."""
    services = services_of(request)
    request[REQUEST_ID] = services.entropy(16).hex()
    started, problem = services.clock.now(), ""
    try:
        response = await handler(request)
    except Exception as exc:  # noqa: BLE001  # the last line of defence: unforeseen errors become an opaque 500
        _journal_failure(request, exc)
        response = problem_response(exc, request_id=request[REQUEST_ID])
        problem = problem_of(exc).name
    endpoint = _endpoint_name(request)
    services.requested(endpoint, response.status, problem)
    caller = None if endpoint in _UNNAMED else request.get(CALLER)
    _JOURNAL.info(
        "request",
        id=request[REQUEST_ID],
        endpoint=endpoint,
        status=response.status,
        bytes=response.body_length or getattr(response, "content_length", 0) or 0,
        ms=round((services.clock.now() - started).total_seconds() * 1000, 1),
        caller=caller.client if caller else "-",
    )
    return response


def _endpoint_name(request: web.Request) -> str:
    endpoint = endpoint_of(request)
    return endpoint.name if endpoint else "none"


def _journal_failure(request: web.Request, exc: Exception) -> None:
    problem = problem_of(exc)
    if problem.status < 500:
        return
    frames = traceback.extract_tb(exc.__traceback__)[-3:]
    _JOURNAL.error(
        "failure",
        id=request[REQUEST_ID],
        error=type(exc).__name__,
        cause=type(exc.__cause__).__name__ if exc.__cause__ else "-",
        expected="no" if problem is INTERNAL else "yes",
        at=",".join(f"{frame.name}:{frame.lineno}" for frame in frames),
    )


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through what the limits and the endpoint's scope allow."""
    if is_coded(request.headers):
        raise web.HTTPUnsupportedMediaType
    endpoint = endpoint_of(request)
    if "%" in request.rel_url.raw_path:
        # A digest, name or number in other digits is another resource to whoever caches, counts or signs by path.
        request.app[STATE].addresses.spend(address_key(request.remote))
        raise NotFoundError("a path has one spelling here, without a percent sign")
    if endpoint is None or endpoint.scope is None:
        request.app[STATE].addresses.spend(address_key(request.remote))
        return await handler(request)
    caller = await _authenticated(request)
    request[CALLER] = caller
    request.app[STATE].callers[caller.kind].spend(f"caller:{caller.client}")
    _require_scope(caller, endpoint, request)
    return await handler(request)


async def _authenticated(request: web.Request) -> Caller:
    """The caller; a token that was not verified lately is charged to the address before it costs a signature check."""
    state = request.app[STATE]
    token, presented = bearer(request), presented_in(request)
    remembered = None if token is None else state.gate.remembered(token, presented)
    if remembered is not None:
        return remembered
    state.addresses.spend(address_key(request.remote))
    if token is None:
        raise UnauthenticatedError("an access token is required")
    return await state.gate.caller(token, presented)


def bearer(request: web.Request) -> str | None:
    """What an `Authorization: Bearer` header holds; None without one."""
    header = request.headers.get("Authorization", "")
    return header[len(_BEARER) :] if header[: len(_BEARER)].lower() == _BEARER else None


def _require_scope(caller: Caller, endpoint: Endpoint, request: web.Request) -> None:
    match endpoint.scope:
        case Scope.LOG_READ:
            covered = caller.reads_logs
        case Scope.OPEN:
            covered = bool(caller.collections)
        case Scope.QUERY:
            covered = request.match_info["subset"] in caller.subsets
        case _:
            covered = False
    if not covered:
        raise ForbiddenError("the access token does not cover this endpoint")
