"""What comes before a session, or makes one: what signing in, proving and registering have in common.

Signing in is tried by strangers, so each address may try so often and no more. Where somebody goes on afterwards is a
page of this console, whatever the request says.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from aiohttp import web

from keys.errors import KeysError
from node.console.forms import read_form
from node.console.handlers import DESK, in_thread, visiting
from node.console.parts import Page, Refused, Values
from node.console.rendering import render
from node.console.surface import PAGES
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import NodeError
from node.runtime.accounts import open_sessions
from node.runtime.auditing import tell
from node.web.problems import problem_of
from node.web.ratelimit import TokenBuckets, address_key
from protocol.errors import ProtocolError

COMING_PER_MINUTE: Final = 20
COMING_BURST: Final = 40
COMING: Final = web.AppKey("coming", TokenBuckets)
"""Attempts to come in, by address."""

HOME: Final = "/console/"
_MAX_BYTES: Final = 64 * 1024
_PATHS: Final = frozenset(page.path for page in PAGES)
_QUERY: Final = re.compile(r"[\w./~%=&+:,-]{0,1024}", re.ASCII)
"""One class of characters, so that no text takes long to judge."""

T = TypeVar("T")


async def entry_form(request: web.Request) -> Values:
    """The form of somebody who wants to come in; raises `RateLimitedError` for one who tries too often."""
    request.app[COMING].spend(address_key(request.remote))
    return await read_form(request, _MAX_BYTES)


def target(text: str) -> str:
    """Where somebody goes on: a page of this console, with its query.

    Another site's address would make this one its accomplice; a download would be taken by whoever only signs in.
    """
    path, _, query = text.partition("?")
    return text if path in _PATHS and _QUERY.fullmatch(query) else HOME


async def working(request: web.Request, work: Callable[[World], T]) -> T:
    """What a function makes of the node, in a thread."""
    return await in_thread(request, work, request.app[DESK].world)


def entry_page(
    request: web.Request,
    page: Page,
    model: object,
    *,
    visitor: Visitor | None = None,
    refused: Refused | None = None,
    status: int = 200,
) -> web.Response:
    """A page for whoever has no session, or none that is good enough."""
    world = request.app[DESK].world
    return render(
        request,
        page,
        model,
        visitor,
        now_ms=world.now_ms,
        node=world.node,
        refused=refused,
        status=status,
    )


def refusal(page: Page, error: NodeError | ProtocolError | KeysError) -> tuple[Refused, int]:
    """What the page says of what was not done, and the status."""
    status = min(problem_of(error).status, 500)
    if status >= 500:  # what fails inside the node is nothing for strangers
        return Refused(page.name, "", ""), status
    return Refused(page.name, str(error), getattr(error, "hint", "")), status


async def come_in(
    request: web.Request, person: str, to: str, *, by: str, proved: bool = True
) -> web.Response:
    """Open a session for a person, in place of the one that the browser had; `proved` when a passkey was shown."""
    desk = request.app[DESK]
    before = request.cookies.get(desk.cookie, "")

    def open_one(world: World) -> str:
        acting = world.acting_as(person)
        sessions = open_sessions(acting.identity, acting.shelf)
        sessions.close(before)
        opened = sessions.open(person)
        if proved:
            sessions.prove(opened.token)
        tell(acting.identity, acting.shelf, "console.sign-in", person, details={"by": by})
        return opened.token

    token = await working(request, open_one)
    response = led_to(target(to))
    response.set_cookie(desk.cookie, token, secure=True, httponly=True, samesite="Strict", path="/")
    return response


async def go_out(request: web.Request, visitor: Visitor) -> web.Response:
    """End the session."""
    desk = request.app[DESK]

    def close(world: World) -> None:
        acting = world.acting_as(visitor.person)
        open_sessions(acting.identity, acting.shelf).close(request.cookies.get(desk.cookie, ""))
        tell(acting.identity, acting.shelf, "console.sign-out", visitor.person)

    await working(request, close)
    response = led_to("/console/sign-in")
    response.del_cookie(desk.cookie, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def led_to(path: str) -> web.Response:
    """Go on with another page."""
    return web.Response(status=303, headers={"Location": path})


async def already_in(request: web.Request) -> bool:
    """Whether the browser has a session."""
    return await visiting(request) is not None
