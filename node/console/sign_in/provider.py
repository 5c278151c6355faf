"""Signing in at the agency's own provider: leading there, and taking who comes back.

What is under way is kept in memory, for ten minutes, bound to the browser by a cookie of its own: a link that somebody
else made signs nobody in. A session that was opened so has shown no passkey, so what is grave is not for it, unless the
configuration says that the provider asks for as much.
"""

import hmac
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from node.console.entrance import COMING, allowance, led_to, refused, target, working
from node.console.handlers import CONSOLE, SIGN_IN, in_thread, rendered
from node.console.parts import Page
from node.console.record import STRANGERS
from node.console.sign_in.oidc import Flow, Provider
from node.console.sign_in.passkey import SIGN_IN_PAGE, Going, going
from node.console.sign_in.sessions import come_in
from node.console.world import World
from node.errors import ForbiddenError, NodeError, UnauthenticatedError

LEAD: Final = f"{SIGN_IN}/elsewhere"
RETURN: Final = f"{SIGN_IN}/return"
_COOKIE: Final = "__Host-sigfed-elsewhere"
_AT_OWN_WISH: Final = frozenset({"same-origin", "none"})
"""Whence a browser says it was sent (Fetch Metadata): a page of this console, or the person himself."""
_LIFE_MS: Final = 10 * 60 * 1000
_MOST: Final = 1_000
_CAME: Final = Page(name="came", path=RETURN, title="Signed in", gather=lambda *_: None)


@dataclass(slots=True)
class Flows:
    """What is under way, by its state."""

    _flows: OrderedDict[str, Flow] = field(default_factory=OrderedDict)

    def keep(self, flow: Flow) -> None:
        """Remember one; of too many the oldest is forgotten."""
        self._flows[flow.state] = flow
        while len(self._flows) > _MOST:
            self._flows.popitem(last=False)

    def take(self, state: str, now_ms: int) -> Flow | None:
        """The one of this state, once; None when there is none, or it took too long."""
        flow = self._flows.pop(state, None)
        return flow if flow is not None and 0 <= now_ms - flow.began_ms < _LIFE_MS else None


FLOWS: Final = web.AppKey("flows", Flows)


async def lead(request: web.Request) -> web.Response:
    """Lead the browser to the provider."""
    request.app[COMING].spend(allowance(request))
    world, provider = request.app[CONSOLE].world, _provider(request)
    # A link or a window of another site would sign people in who did not ask for it, with what they are there.
    if request.headers.get("Sec-Fetch-Site") not in _AT_OWN_WISH:
        error = ForbiddenError(
            "this sign-in was not begun by a page of this console", hint="begin it by the link on this page"
        )
        return _refused(request, error, request.query.get("to", ""))
    flow = Flow.begin(
        world.identity.entropy, target(request.query.get("to", ""), request.app[CONSOLE].pages), world.now_ms
    )
    try:
        response = led_to(await provider.address(flow))
    except NodeError as exc:
        return _refused(request, exc, flow.to)
    request.app[FLOWS].keep(flow)
    # Lax: it has to come back with the browser that another site sends.
    response.set_cookie(
        _COOKIE, flow.state, secure=True, httponly=True, samesite="Lax", path="/", max_age=_LIFE_MS // 1000
    )
    return response


async def come_back(request: web.Request) -> web.Response:
    """A session for whom the provider sends back."""
    request.app[COMING].spend(allowance(request))
    world, provider = request.app[CONSOLE].world, _provider(request)
    settings = world.identity.settings.console.oidc
    state, kept = request.query.get("state", ""), request.cookies.get(_COOKIE, "")
    flow = request.app[FLOWS].take(state, world.now_ms)
    if flow is None or not hmac.compare_digest(state.encode(), kept.encode()):
        error = UnauthenticatedError("this sign-in was not begun in this browser, or took too long")
        return await _turned_away(request, error, "")
    try:
        person = await provider.person(flow, request.query.get("code", ""), world.now_ms // 1000)
        await working(request, lambda node: _require_person(node, person))
    except NodeError as exc:
        return await _turned_away(request, exc, flow.to)
    assert settings is not None, "a provider has settings"
    response = await come_in(request, person, flow.to, by="oidc", proved=settings.proves)
    response.del_cookie(_COOKIE, secure=True, httponly=True, samesite="Lax", path="/")
    return _by_a_page_of_our_own(request, response, flow.to)


def _by_a_page_of_our_own(request: web.Request, response: web.Response, to: str) -> web.Response:
    """Browsers send a strict cookie on no way that began at another site; one that begins here is our own."""
    page = rendered(request, _CAME, Going(to))
    for morsel in response.cookies.values():
        page.headers.add("Set-Cookie", morsel.OutputString())
    return page


def _require_person(world: World, person: str) -> None:
    with world.store.read() as unit:
        unit.persons.get(person)


async def _turned_away(request: web.Request, error: NodeError, to: str) -> web.Response:
    await in_thread(request, request.app[STRANGERS].turned_away, request.app[CONSOLE].world, error, by="oidc")
    return _refused(request, error, to)


def _refused(request: web.Request, error: NodeError, to: str) -> web.Response:
    return refused(request, SIGN_IN_PAGE, going(request, target(to, request.app[CONSOLE].pages)), error)


def _provider(request: web.Request) -> Provider:
    console = request.app[CONSOLE]
    settings = console.world.identity.settings.console.oidc
    if settings is None:
        raise web.HTTPNotFound
    return Provider(settings, f"{console.address.origin}{RETURN}")


ROUTES: Final = (web.get(LEAD, lead, allow_head=False), web.get(RETURN, come_back, allow_head=False))
