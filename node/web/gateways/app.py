"""The daemon's HTTP application: who may ask, what is asked, and errors in the shape of whoever asks.

A page in a browser on this machine must not ask, whatever name it gives this machine: the `Host` header has to be one
of ours (a name that an attacker points at 127.0.0.1 is none), and no request of a page is answered. A browser says
where a request comes from: `Origin` where something is sent, `Sec-Fetch-Site` also for a picture or a frame that a page
names, with which it could have hits recorded here and the quota used up.
"""

import hmac
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from node.journal import Journal
from node.web.codings import is_coded
from node.web.gateways import hma, own, shield
from node.web.gateways.bodies import NotLookedUpError
from node.web.gateways.services import SERVICES, LocalServices, services_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_journal = Journal("agent.http")

ROUTES: Final = (
    web.post("/v1/scan", own.scan),
    web.post("/v1/check", own.check),
    web.get("/health", own.health),
    web.get("/metrics", own.metrics),
    web.get("/status", hma.ready),
    web.get("/readyz", hma.ready),
    web.get("/status/live", hma.alive),
    web.get("/livez", hma.alive),
    web.get("/h/hash", hma.fetched),
    web.post("/h/hash", hma.hashed),
    web.get("/m/raw_lookup", hma.raw_lookup),
    web.get("/m/lookup", hma.lookup),
    web.post("/m/lookup", hma.lookup_file),
    web.get("/m/index/status", hma.index_status),
    web.post("/v1/media/", shield.media),
    web.post("/v1/pdq/", shield.pdq),
    web.post("/v1/url/", shield.url),
)
_OPEN: Final = frozenset({"/health", "/status", "/status/live", "/livez", "/readyz"})
"""Answered without a credential: they tell nothing of a file."""


def make_local_app(services: LocalServices) -> web.Application:
    """The application of one daemon."""
    app = web.Application(middlewares=[_told, _guarded], client_max_size=0)
    app[SERVICES] = services
    app.add_routes(ROUTES)
    return app


@web.middleware
async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into JSON; one journal line without query, body and names."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else "none"
    try:
        response = await handler(request)
    except web.HTTPException as exc:
        response = _refusal(exc.status, exc.text or exc.reason)
        if "Retry-After" in exc.headers:
            response.headers["Retry-After"] = exc.headers["Retry-After"]
    except NotLookedUpError as exc:
        response = _refusal(500, str(exc))
    except Exception as exc:  # noqa: BLE001 - the last line: its text may hold what was sent
        _journal.error("failure", error=type(exc).__name__, path=path)
        response = _refusal(500, "the daemon failed")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    _journal.info("request", path=path, status=response.status)
    return response


def _refusal(status: int, text: str) -> web.Response:
    """`detail` is read by clients of Shield, `message` by people and everybody else."""
    headers = (
        {"WWW-Authenticate": 'Basic realm="sigfed"'} if status == web.HTTPUnauthorized.status_code else {}
    )
    return web.json_response({"detail": text, "message": text}, status=status, headers=headers)


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    services = services_of(request)
    if not _is_ours(request, services):
        raise web.HTTPMisdirectedRequest(text="this daemon is not reached under that name")
    if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
        raise web.HTTPForbidden(text="pages in browsers are not answered")
    if is_coded(request.headers):
        raise web.HTTPUnsupportedMediaType(text="send the file as it is: what is packed has other hashes")
    if services.bearer and request.path not in _OPEN and not _shows(request, services.bearer):
        raise web.HTTPUnauthorized(text="a bearer token is required")
    return await handler(request)


def _is_ours(request: web.Request, services: LocalServices) -> bool:
    """A request over a Unix socket names no machine that matters."""
    transport = request.transport
    if transport is None or not isinstance(transport.get_extra_info("sockname"), tuple):
        return True
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdecimal() else request.host
    return host.strip("[]").lower() in _LOOPBACK | services.hosts


def _shows(request: web.Request, bearer: bytes) -> bool:
    """As a bearer token, or as the password of whatever user (clients of Shield)."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    shown = value.strip().encode("utf-8", "replace")
    if kind.lower() == "basic":
        try:
            shown = b64decode(shown, validate=True).partition(b":")[2]
        except ValueError:
            return False
    return hmac.compare_digest(shown, bearer)
