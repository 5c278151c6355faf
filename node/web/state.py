"""What the handlers of one application share, and what one request carries, under typed keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from aiohttp import web

from node.errors import NotFoundError
from node.ports.callers import Caller, CallerKind
from node.web.auth import TokenGate, TokenIssuer
from node.web.ratelimit import TokenBuckets
from node.web.readiness import Readiness
from node.web.services import WebServices
from node.web.settings import WebSettings
from protocol.endpoints import ENDPOINTS, Endpoint

Service = TypeVar("Service")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebState:
    """Made once by `node.web.app`."""

    services: WebServices
    settings: WebSettings
    token_issuer: TokenIssuer
    gate: TokenGate
    readiness: Readiness
    callers: Mapping[CallerKind, TokenBuckets]
    addresses: TokenBuckets


STATE: Final = web.AppKey("state", WebState)
CALLER: Final = web.RequestKey("caller", Caller)
REQUEST_ID: Final = web.RequestKey("request_id", str)
_BY_NAME: Final = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def endpoint_of(request: web.Request) -> Endpoint | None:
    """The line of the endpoint table that a request matched; None when it matched none."""
    return _BY_NAME.get(request.match_info.route.name or "")


def endpoint_path(name: str) -> str:
    """The path of an endpoint that has no placeholders."""
    return _BY_NAME[name].path


def services_of(request: web.Request) -> WebServices:
    """The services of the application that got the request."""
    return request.app[STATE].services


def offered(service: Service | None, words: str) -> Service:
    """A service that the node may not have; raises `NotFoundError` with these words where it has none."""
    if service is None:
        raise NotFoundError(words)
    return service
