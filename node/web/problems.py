"""The one table from errors to HTTP problems (RFC 9457); nothing else in the node knows a status code.

Decides status, type and what a stranger may read: the text of an error that the request caused, nothing of an error
that this node caused. Every leaf of the three error trees has a line (tested). See docs/spec/http.md, "Problems".
"""

import json
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from keys import errors as keys_errors
from node import errors as node_errors
from protocol import errors as protocol_errors
from protocol.endpoints.endpoint import PROBLEM, PROBLEM_TYPE

_SOON_SECONDS: Final = "5"
"""After which it is worth asking a node again that cannot answer now."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem: its name (the end of its type URI), status and title."""

    name: str
    status: int
    title: str


INTERNAL: Final = Problem("internal", 500, "The node failed")
_UNAVAILABLE: Final = Problem("unavailable", 503, "The node cannot answer now")
_UPSTREAM: Final = Problem("upstream", 502, "Another node failed")
_MALFORMED: Final = Problem("malformed", 400, "The request cannot be read")
_TOO_LARGE: Final = Problem("too-large", 413, "The request is larger than allowed")
_NOT_VERIFIED: Final = Problem("not-verified", 422, "What was sent does not verify")
_CONFLICT: Final = Problem("conflict", 409, "The request contradicts what is held")
_FORBIDDEN: Final = Problem("forbidden", 403, "The credential does not cover this")
_NOT_FOUND: Final = Problem("not-found", 404, "There is no such thing here")

PROBLEMS: Final[dict[type[Exception], Problem]] = {
    node_errors.UsageError: _MALFORMED,
    node_errors.ConfigError: INTERNAL,
    node_errors.NotInitialisedError: _UNAVAILABLE,
    node_errors.AlreadyExistsError: _CONFLICT,
    node_errors.NotFoundError: _NOT_FOUND,
    node_errors.MissingKeyError: _UNAVAILABLE,
    node_errors.NothingToDoError: _NOT_FOUND,
    node_errors.InputRefusedError: _MALFORMED,
    node_errors.StoreError: INTERNAL,
    node_errors.StoreDownError: _UNAVAILABLE,
    node_errors.StoreLockedError: _UNAVAILABLE,
    node_errors.SupersededError: _UNAVAILABLE,
    node_errors.RestoredError: _UNAVAILABLE,
    node_errors.ConflictError: _CONFLICT,
    node_errors.MissingObjectError: INTERNAL,
    node_errors.UnauthenticatedError: Problem("unauthenticated", 401, "No credential that verifies"),
    node_errors.TokenExpiredError: Problem("token-expired", 401, "The access token has expired"),
    node_errors.WrongCertificateError: Problem(
        "wrong-certificate", 401, "The connection does not prove the client's TLS key"
    ),
    node_errors.ReplayedError: Problem("replayed", 401, "The assertion was used before"),
    node_errors.ClockSkewError: Problem("clock-skew", 401, "The clocks of client and node disagree"),
    node_errors.ForbiddenError: _FORBIDDEN,
    node_errors.OverQuotaError: Problem("over-quota", 429, "The quota is used up"),
    node_errors.RateLimitedError: Problem("rate-limited", 429, "Too many requests in a short time"),
    node_errors.GoneError: Problem("gone", 410, "This is no longer valid"),
    node_errors.PeerUnreachableError: _UPSTREAM,
    node_errors.PeerRefusedError: _UPSTREAM,
    node_errors.WrongPinError: _UPSTREAM,
    node_errors.VerificationError: _NOT_VERIFIED,
    node_errors.TrustForkError: _UPSTREAM,
    node_errors.TripwireError: INTERNAL,
    node_errors.BeyondLimitsError: INTERNAL,
    node_errors.ListTooOldError: _UNAVAILABLE,
    node_errors.PortTakenError: INTERNAL,
    node_errors.LibraryError: INTERNAL,
    node_errors.EvaluatorDownError: _UNAVAILABLE,
    node_errors.SignerDownError: _UNAVAILABLE,
    node_errors.SignerRefusedError: INTERNAL,
    protocol_errors.MalformedError: _MALFORMED,
    protocol_errors.NotCanonicalError: _MALFORMED,
    protocol_errors.TooLargeError: _TOO_LARGE,
    protocol_errors.UntrustedError: _NOT_VERIFIED,
    protocol_errors.UnknownSignerError: _NOT_VERIFIED,
    protocol_errors.UncosignedError: _NOT_VERIFIED,
    protocol_errors.WrongOriginError: _NOT_VERIFIED,
    protocol_errors.RollbackError: _CONFLICT,
    protocol_errors.ForkError: _CONFLICT,
    protocol_errors.FreezeError: _CONFLICT,
    protocol_errors.RootMismatchError: _CONFLICT,
    protocol_errors.OverlapError: _CONFLICT,
    protocol_errors.EventRuleError: _NOT_VERIFIED,
    protocol_errors.FutureEventError: _NOT_VERIFIED,
    protocol_errors.OpeningError: _NOT_VERIFIED,
    protocol_errors.ProofError: _NOT_VERIFIED,
    protocol_errors.NotGrantedError: _FORBIDDEN,
    protocol_errors.OprfError: _MALFORMED,
    protocol_errors.SubsetError: _NOT_VERIFIED,
    keys_errors.MalformedKeyError: _MALFORMED,
    keys_errors.BadSignatureError: _NOT_VERIFIED,
    keys_errors.ThresholdError: _NOT_VERIFIED,
    keys_errors.MalformedKeyFileError: INTERNAL,
    keys_errors.WrongPassphraseError: INTERNAL,
    keys_errors.MalformedTrustError: _NOT_VERIFIED,
    keys_errors.WrongRootError: _NOT_VERIFIED,
    keys_errors.NotCurrentError: _FORBIDDEN,
    keys_errors.RolledBackError: _NOT_VERIFIED,
    keys_errors.ForkedTrustError: _NOT_VERIFIED,
}
"""A class that is not here is looked up by its bases."""

HTTP_PROBLEMS: Final[dict[int, Problem]] = {
    404: _NOT_FOUND,
    405: Problem("method-not-allowed", 405, "This path takes another method"),
    408: Problem("timeout", 408, "The request body did not arrive in time"),
    413: _TOO_LARGE,
    415: Problem(
        "unsupported-encoding", 415, "Request bodies are sent plain and with the documented media type"
    ),
    416: Problem("range-not-satisfiable", 416, "The range is outside the file"),
}


def problem_of(error: Exception) -> Problem:
    """The problem of an error; an unknown error is the node's own fault."""
    if isinstance(error, web.HTTPException):
        return HTTP_PROBLEMS.get(error.status, _MALFORMED if error.status < 500 else INTERNAL)
    for cls in type(error).__mro__:
        if cls in PROBLEMS:
            return PROBLEMS[cls]
    return INTERNAL


def problem_response(error: Exception, *, request_id: str) -> web.Response:
    """The reply for an error: problem document, `Retry-After` and `WWW-Authenticate` where they belong."""
    problem = problem_of(error)
    body: dict[str, str | int] = {
        "type": PROBLEM_TYPE + problem.name,
        "title": problem.title,
        "status": problem.status,
        "instance": f"urn:sigfed:request:{request_id}",
    }
    if problem.status < 500 and not isinstance(error, web.HTTPException):
        body["detail"] = str(error)
    return web.Response(
        status=problem.status,
        body=json.dumps(body | _facts(error)).encode(),
        content_type=PROBLEM,
        headers={"Cache-Control": "no-store"} | _headers(error, problem),
    )


def _facts(error: Exception) -> dict[str, str | int]:
    if isinstance(error, node_errors.ClockSkewError):
        return {"ahead_seconds": error.ahead_seconds}
    if isinstance(error, node_errors.OverQuotaError | node_errors.RateLimitedError):
        return {"retry_after_seconds": error.retry_after_seconds}
    return {}


def _headers(error: Exception, problem: Problem) -> dict[str, str]:
    if isinstance(error, node_errors.OverQuotaError | node_errors.RateLimitedError):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, web.HTTPMethodNotAllowed):
        return {"Allow": ", ".join(sorted(error.allowed_methods))}
    if problem.status == 503:
        return {"Retry-After": _SOON_SECONDS}
    if problem.status == 401:
        return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return {}
