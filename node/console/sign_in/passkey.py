"""Signing in, showing a passkey again, signing out: the handlers that stand in no table, because they make sessions.

A passkey is asked for by a question that the page's script fetches when its button is pressed, and the answer comes
back in a plain form. Nothing is asked of somebody who only opens the page.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from node.access.passkeys import Passkeys
from node.app.accounts import open_passkeys, open_sessions
from node.console.entrance import already_in, entry_form, led_to, refused, target, working
from node.console.handlers import CONSOLE, PROVE, SIGN_IN, in_thread, rendered, require_own, signed_in
from node.console.parts import Page
from node.console.record import STRANGERS, turned_away
from node.console.sign_in.sessions import come_in, go_out
from node.console.world import World
from node.errors import NodeError

SIGN_IN_PAGE: Final = Page(name="sign-in", path=SIGN_IN, title="Sign in", gather=lambda *_: None)
_PROVE: Final = Page(name="prove", path=PROVE, title="Show your passkey", gather=lambda *_: None)


@dataclass(frozen=True, slots=True)
class Going:
    """Where somebody goes on afterwards."""

    to: str
    provider: str = ""
    """The host where people of this agency sign in elsewhere, if they do."""


def going(request: web.Request, to: str) -> Going:
    """What the page for signing in shows."""
    settings = request.app[CONSOLE].world.identity.settings.console.oidc
    return Going(to, "" if settings is None else urlsplit(settings.issuer).hostname or "")


async def show_sign_in(request: web.Request) -> web.Response:
    """The page with the button."""
    to = target(request.query.get("to", ""), request.app[CONSOLE].pages)
    if await already_in(request):
        return led_to(to)
    return rendered(request, SIGN_IN_PAGE, going(request, to))


async def ask_sign_in(request: web.Request) -> web.Response:
    """What the browser is to ask of whoever signs in."""
    await entry_form(request)
    return _question(await working(request, lambda world: _passkeys(world).ask_sign_in()))


async def sign_in(request: web.Request) -> web.Response:
    """A session for the person whose passkey was shown."""
    form = await entry_form(request)
    to = target(form.text("to"), request.app[CONSOLE].pages)
    try:
        person = await working(request, lambda world: _passkeys(world).sign_in(form.text("answer")))
    except NodeError as exc:
        await in_thread(
            request, request.app[STRANGERS].turned_away, request.app[CONSOLE].world, exc, by="passkey"
        )
        return refused(request, SIGN_IN_PAGE, going(request, to), exc)
    return await come_in(request, person, to, by="passkey")


async def show_prove(request: web.Request) -> web.Response:
    """The page that asks whoever is signed in to show a passkey again."""
    visitor = await signed_in(request)
    to = target(request.query.get("to", ""), request.app[CONSOLE].pages)
    return rendered(request, _PROVE, Going(to), visitor=visitor)


async def ask_proof(request: web.Request) -> web.Response:
    """What the browser is to ask of this person."""
    visitor = await signed_in(request)
    require_own(visitor, await entry_form(request, visitor))
    return _question(await working(request, lambda world: _passkeys(world).ask_proof(visitor.person)))


async def prove(request: web.Request) -> web.Response:
    """Note that the passkey was shown, and lead back to what took it."""
    visitor = await signed_in(request)
    form = await entry_form(request, visitor)
    require_own(visitor, form)
    to = target(form.text("to"), request.app[CONSOLE].pages)
    token = request.cookies.get(request.app[CONSOLE].cookie, "")

    def note(world: World) -> None:
        _passkeys(world).prove(form.text("answer"), visitor.person)
        open_sessions(world.identity, world.store).prove(token)

    try:
        await working(request, note)
    except NodeError as exc:
        await in_thread(
            request, turned_away, request.app[CONSOLE].world.acting_as(visitor.person), exc, by="proof"
        )
        return refused(request, _PROVE, Going(to), exc, visitor=visitor)
    return led_to(to)


async def sign_out(request: web.Request) -> web.Response:
    """End the session."""
    visitor = await signed_in(request)
    require_own(visitor, await entry_form(request, visitor))
    return await go_out(request, visitor)


def _question(question: str) -> web.Response:
    return web.Response(text=question, content_type="application/json")


def _passkeys(world: World) -> Passkeys:
    return open_passkeys(world.identity, world.store)


ROUTES: Final = (
    web.get(SIGN_IN, show_sign_in, allow_head=False),
    web.post(f"{SIGN_IN}/question", ask_sign_in),
    web.post(SIGN_IN, sign_in),
    web.get(PROVE, show_prove, allow_head=False),
    web.post(f"{PROVE}/question", ask_proof),
    web.post(PROVE, prove),
    web.post("/console/sign-out", sign_out),
)
