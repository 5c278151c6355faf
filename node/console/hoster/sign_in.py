"""Signing in to a partner's console, and out of it: by a one-time token that is made on the machine.

Nothing here takes a script. Whoever is refused is told nothing about which tokens there are; strangers try no more
often than at an agency's console.
"""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.console.entrance import (
    admitted,
    already_in,
    dismissed,
    entry_form,
    led_to,
    refused,
    target,
    working,
)
from node.console.handlers import CONSOLE, SIGN_IN, rendered, require_own, signed_in
from node.console.hoster.world import PartnerWorld
from node.console.parts import Page
from node.errors import NodeError
from node.journal import Journal

_journal: Final = Journal("console")
_PAGE: Final[Page[PartnerWorld]] = Page(name="sign-in", path=SIGN_IN, title="Sign in", gather=lambda *_: None)


@dataclass(frozen=True, slots=True)
class Going:
    """Where somebody goes on afterwards."""

    to: str


async def show_sign_in(request: web.Request) -> web.Response:
    """The page for the token."""
    to = target(request.query.get("to", ""), request.app[CONSOLE].pages)
    if await already_in(request):
        return led_to(to)
    return rendered(request, _PAGE, Going(to))


async def sign_in(request: web.Request) -> web.Response:
    """A session for whom the token was made, in place of the one that the browser had."""
    console = request.app[CONSOLE]
    form = await entry_form(request)
    to = target(form.text("to"), console.pages)
    before = request.cookies.get(console.cookie, "")

    def open_one(world: PartnerWorld) -> tuple[str, str]:
        guest = world.tokens.take(form.text("token"))
        world.sessions.close(before)
        _journal.info("sign-in", by=guest.name, role=guest.role.value)
        return guest.name, world.sessions.open(guest)

    try:
        name, token = await working(request, open_one)
    except NodeError as exc:
        _journal.warning("sign-in-refused")
        return refused(request, _PAGE, Going(to), exc)
    return admitted(request, name, token, to)


async def sign_out(request: web.Request) -> web.Response:
    """End the session."""
    console = request.app[CONSOLE]
    visitor = await signed_in(request)
    require_own(visitor, await entry_form(request, visitor))
    token = request.cookies.get(console.cookie, "")
    await working(request, lambda world: world.sessions.close(token))
    return dismissed(request)


ROUTES: Final = (
    web.get(SIGN_IN, show_sign_in, allow_head=False),
    web.post(SIGN_IN, sign_in),
    web.post("/console/sign-out", sign_out),
)
