"""The web application: exactly the endpoints of `protocol.endpoints.ENDPOINTS`, each with its handler."""

from typing import Final

from aiohttp import web

from node.web.auth import TokenGate, TokenIssuer
from node.web.handlers import (
    acknowledgements,
    disclosed,
    gossip,
    held,
    hits,
    logs,
    oauth,
    proposals,
    public,
    recipients,
    subsets,
    witness,
)
from node.web.middleware import Handler, gate, journal
from node.web.ratelimit import TokenBuckets
from node.web.readiness import Readiness
from node.web.services import WebServices
from node.web.settings import WebSettings
from node.web.state import STATE, WebState
from protocol.endpoints import ENDPOINTS
from protocol.limits import MAX_REQUEST_BODY

HANDLERS: Final[dict[str, Handler]] = {
    "root": public.root,
    "node_document": public.node_document,
    "members": public.members,
    "member_root": public.member_root,
    "member_document": public.member_document,
    "tuf_metadata": public.tuf_metadata,
    "tuf_target": public.tuf_target,
    "list_checkpoint": logs.checkpoint,
    "list_entries": logs.entries,
    "list_tile": logs.tile,
    "openings": logs.openings,
    "grant": logs.grant,
    "acknowledge": acknowledgements.acknowledge,
    "acknowledge_trust": acknowledgements.acknowledge_trust,
    "held_checkpoint": held.checkpoint,
    "held_entries": held.entries,
    "held_openings": held.openings,
    "subset_checkpoint": subsets.checkpoint,
    "subset_entries": subsets.entries,
    "subset_tile": subsets.tile,
    "release_part": subsets.release_part,
    "evaluate": subsets.evaluate,
    "report_hit": hits.report,
    "hit_evidence": hits.evidence,
    "ended_reports": hits.ended,
    "resolve_hit": hits.resolve,
    "open_case": hits.open_case,
    "case": hits.case,
    "propose": proposals.propose,
    "proposal": proposals.proposal,
    "withdraw_proposal": proposals.withdraw,
    "disclosed_lookup": disclosed.look_up,
    "renew_key": subsets.renew_key,
    "recipient_digests": recipients.digests,
    "add_checkpoint": witness.add_checkpoint,
    "witnessed_checkpoint": witness.checkpoint,
    "gossip": gossip.gossip,
    "evidence": gossip.evidence,
    "enrol": public.enrol,
    "token": oauth.token,
    "authorization_server": oauth.metadata,
    "openapi": public.openapi,
    "health": public.health,
    "ready": public.ready,
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
        callers=TokenBuckets(
            per_minute=settings.caller_per_minute, burst=settings.caller_burst, clock=services.clock
        ),
        addresses=TokenBuckets(
            per_minute=settings.address_per_minute, burst=settings.address_burst, clock=services.clock
        ),
    )
    for endpoint in ENDPOINTS:
        # no implicit HEAD: a reply that is computed to be thrown away costs the same
        app.router.add_route(endpoint.method, endpoint.path, HANDLERS[endpoint.name], name=endpoint.name)
    return app
