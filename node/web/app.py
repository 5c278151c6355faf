"""The web application: exactly the endpoints of `protocol.endpoints.ENDPOINTS`, each with the handler of its name."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from node.ports.callers import CallerKind
from node.web.auth import TokenGate, TokenIssuer
from node.web.handlers import partners, peers, recipients, service, trust
from node.web.middleware import Handler, gate, journal
from node.web.ratelimit import TokenBuckets
from node.web.readiness import Readiness
from node.web.services import WebServices
from node.web.settings import WebSettings
from node.web.state import STATE, WebState
from protocol.endpoints import ENDPOINTS
from protocol.endpoints.partners import SUBSETS
from protocol.endpoints.peers import LISTS, WATCHING
from protocol.endpoints.recipients import RECIPIENTS
from protocol.endpoints.service import SERVICE
from protocol.endpoints.trust import TRUST
from protocol.limits import MAX_REQUEST_BODY

_MODULES: Final = (
    (trust, TRUST),
    (peers, (*LISTS, *WATCHING)),
    (partners, SUBSETS),
    (recipients, RECIPIENTS),
    (service, SERVICE),
)
HANDLERS: Final[Mapping[str, Handler]] = {
    endpoint.name: getattr(module, endpoint.name) for module, endpoints in _MODULES for endpoint in endpoints
}


def make_app(services: WebServices, settings: WebSettings = WebSettings()) -> web.Application:  # noqa: B008  # frozen
    """The application that serves one node."""
    app = web.Application(middlewares=[journal, gate], client_max_size=MAX_REQUEST_BODY)
    app[STATE] = WebState(
        services=services,
        settings=settings,
        token_issuer=TokenIssuer(services),
        gate=TokenGate(services),
        readiness=Readiness(services.ready, services.clock),
        callers={
            kind: TokenBuckets(per_minute=rate, burst=settings.caller_burst, clock=services.clock)
            for kind, rate in (
                (CallerKind.PEER, settings.peer_per_minute),
                (CallerKind.PARTNER, settings.partner_per_minute),
            )
        },
        addresses=TokenBuckets(
            per_minute=settings.address_per_minute, burst=settings.address_burst, clock=services.clock
        ),
    )
    for endpoint in ENDPOINTS:
        # no implicit HEAD: a reply that is computed to be thrown away costs the same
        app.router.add_route(endpoint.method, endpoint.path, HANDLERS[endpoint.name], name=endpoint.name)
    return app
