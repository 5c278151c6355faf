"""A console as a web application: its tables as routes, and what happens to every request, whosever console it is."""

import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from aiohttp import web

from keys.errors import SigfedError
from node.clock import Clock
from node.config import ConsoleListener
from node.console.assets import Asset, load_assets
from node.console.csp import CSP_REPORTS, HEADERS, SECURE_HEADERS, CspReports
from node.console.entrance import COMING, COMING_BURST, COMING_PER_MINUTE, allowance
from node.console.environment import STATIC, set_up
from node.console.handlers import CONSOLE, VISITOR, Console, act, download, rendered, show
from node.console.languages import accepted, speak, translated
from node.console.parts import Page
from node.errors import ForbiddenError
from node.journal import Journal
from node.web.problems import problem_of
from node.web.ratelimit import TokenBuckets

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_journal: Final = Journal("console")
_ERROR: Final[Page[Any]] = Page(name="error", path="/console/", title="Error", gather=lambda *_: None)
_PERSON_PER_MINUTE: Final = 60
_PERSON_BURST: Final = 60
_LOOKS_PER_MINUTE: Final = 240
"""Far more than somebody reads, with tabs that refresh themselves behind."""
_LOOKS_BURST: Final = 240

_REQUESTS: Final = web.AppKey("requests", TokenBuckets)


def make_app(
    console: Console[Any], clock: Clock, routes: Iterable[web.AbstractRouteDef], settings: ConsoleListener
) -> web.Application:
    """The application of one console; `routes` are those in no table, because they make and end sessions."""
    app = web.Application(middlewares=[_kept_safe, _with_errors])
    assets, surface = load_assets(), console.surface
    app[CONSOLE] = console
    app[_REQUESTS] = TokenBuckets(
        per_minute=settings.requests_per_address, burst=settings.requests_at_once, clock=clock
    )
    app[COMING] = TokenBuckets(per_minute=COMING_PER_MINUTE, burst=COMING_BURST, clock=clock)
    app.on_cleanup.append(_end_threads)
    set_up(app, assets, surface)
    for page in surface.pages:
        app.router.add_get(page.path, partial(show, page=page), name=page.name, allow_head=False)
    for action in surface.actions:
        app.router.add_post(action.path, partial(act, action=action), name=action.name)
    for row in surface.downloads:
        app.router.add_get(row.path, partial(download, row=row), name=row.name, allow_head=False)
    app.router.add_get(f"{STATIC}{{name}}", partial(_asset, assets), name="asset", allow_head=False)
    app.router.add_post(CSP_REPORTS, CspReports(clock).take, name="csp-report")
    app.router.add_routes(routes)
    app.router.add_get("/", _home, name="home", allow_head=False)
    return app


def rates(clock: Clock) -> TokenBuckets:
    """How much a person may do in a minute."""
    return TokenBuckets(per_minute=_PERSON_PER_MINUTE, burst=_PERSON_BURST, clock=clock)


def looks(clock: Clock) -> TokenBuckets:
    """How much a session may look at in a minute."""
    return TokenBuckets(per_minute=_LOOKS_PER_MINUTE, burst=_LOOKS_BURST, clock=clock)


async def _home(_: web.Request) -> web.StreamResponse:
    raise web.HTTPSeeOther("/console/")


async def _asset(assets: Mapping[str, Asset], request: web.Request) -> web.StreamResponse:
    asset = assets.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    current = request.query.get("v") == asset.tag
    keep = "public, max-age=31536000, immutable" if current else "no-cache"
    return web.Response(
        body=asset.body, content_type=asset.content_type, charset="utf-8", headers={"Cache-Control": keep}
    )


async def _end_threads(app: web.Application) -> None:
    app[CONSOLE].threads.close()


@web.middleware
async def _kept_safe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is not meant for this console, and tell browsers what its pages may do."""
    address = request.app[CONSOLE].address
    if not address.is_asked_for(request.headers):
        return web.Response(
            status=421, text=f"The console is at {address.origin}/console/\n", headers=HEADERS
        )
    if _is_embedded_elsewhere(request):
        return web.Response(status=403, text="Another site asked for this.\n", headers=HEADERS)
    try:
        response = await handler(request)
    except web.HTTPException as exc:
        response = exc
    response.headers.update(HEADERS)
    if address.secure:
        response.headers.update(SECURE_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    if isinstance(response, web.HTTPException):
        raise response
    return response


def _is_embedded_elsewhere(request: web.Request) -> bool:
    """Whether a page of another site has the browser fetch this, as pictures, scripts or frames are.

    Nobody looks at what comes back, and so many of them would use up what this person's address may ask.
    """
    if (
        request.headers.get("Sec-Fetch-Site") not in {"cross-site", "same-site"}
        or request.path == CSP_REPORTS
    ):
        return False
    # A frame navigates as a tab does; where what comes is shown, the destination alone says.
    is_tab = request.headers.get("Sec-Fetch-Dest", "") in {"", "document"}
    return request.headers.get("Sec-Fetch-Mode") != "navigate" or not is_tab


@web.middleware
async def _with_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Limits, language, forged requests; and every error as a page."""
    speak(accepted(request.headers.get("Accept-Language", "")))
    try:
        request.app[_REQUESTS].spend(_asker(request))
        if request.method == "POST" and request.path != CSP_REPORTS:
            _require_own_page(request)
        return await handler(request)
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return _error(request, exc)
    except Exception as exc:  # noqa: BLE001  # the last line of defence: unforeseen errors become an opaque 500
        return _error(request, exc)


def _asker(request: web.Request) -> str:
    """By what a request is counted: by its session, if that was open when it was last asked for.

    To find that out for each request would let strangers have the database asked as often as they like.
    """
    console = request.app[CONSOLE]
    return console.inside.allowance(request.cookies.get(console.cookie, "")) or allowance(request)


def _require_own_page(request: web.Request) -> None:
    if not request.app[CONSOLE].address.is_origin_of(request.headers):
        raise ForbiddenError(
            "the form was not sent by a page of this console", hint="open the page here, then send it"
        )


def _error(request: web.Request, exc: Exception) -> web.Response:
    problem = problem_of(exc)
    if problem.status >= 500:
        frames = traceback.extract_tb(exc.__traceback__)[-3:]
        _journal.error(
            "failure",
            error=type(exc).__name__,
            at=",".join(f"{frame.name}:{frame.lineno}" for frame in frames),
        )
    # Errors of this program hold no secret; what they say of the node's inside is for its own people alone.
    shown = exc if isinstance(exc, SigfedError) and (problem.status < 500 or VISITOR in request) else None
    wait: int = getattr(exc, "retry_after_seconds", 0)
    model = {
        "title": problem.title,
        "status": problem.status,
        "message": translated(shown.message) if shown else "",
        "hint": translated(shown.hint) if shown else "",
        "wait": wait,
    }
    reply = rendered(request, _ERROR, model, request.get(VISITOR), status=problem.status)
    if wait > 0:
        reply.headers["Retry-After"] = str(wait)
    return reply
