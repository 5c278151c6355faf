"""What comes before a session, or makes one: what signing in, proving and registering have in common.

Signing in is tried by strangers, so each address may try so often and no more; a browser in which somebody signed in
before is counted by its person instead, whom strangers at the same address keep from nothing.
Where somebody goes on afterwards is a page of this console, whatever the request says. Who is let in by what, each
console decides for itself.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, TypeVar

from aiohttp import web

from keys.errors import SigfedError
from node.access.sessions import Visitor
from node.connections import address_key
from node.console.devices import LIFE
from node.console.forms.body import read_form
from node.console.handlers import CONSOLE, SIGN_IN, in_thread, rendered, visiting
from node.console.languages import translated
from node.console.parts import Page, Refused, Values
from node.web.problems import problem_of
from node.web.ratelimit import TokenBuckets

COMING_PER_MINUTE: Final = 20
COMING_BURST: Final = 40
COMING: Final = web.AppKey("coming", TokenBuckets)
"""Attempts to come in, by the person of a known browser or by address."""

HOME: Final = "/console/"
_MAX_BYTES: Final = 64 * 1024
_QUERY: Final = re.compile(r"[\w./~%=&+:,-]{0,1024}", re.ASCII)
"""One class of characters, so that no text takes long to judge."""

T = TypeVar("T")


async def entry_form(request: web.Request, visitor: Visitor | None = None) -> Values:
    """The form of somebody who wants to come in, or of a `visitor` who is; raises `RateLimitedError`.

    Who is in is counted by name: strangers at the same address take nothing from anybody who works here.
    """
    if visitor is None:
        request.app[COMING].spend(allowance(request))
    else:
        request.app[CONSOLE].rates.spend(f"person:{visitor.person}")
    return await read_form(request, _MAX_BYTES)


def allowance(request: web.Request) -> str:
    """By what somebody is counted who has no session: by the person who signed in there before, else by address."""
    console = request.app[CONSOLE]
    known = console.devices.allowance(request.cookies.get(console.device_cookie, ""))
    return known or address_key(request.remote)


def target(text: str, pages: Mapping[str, Page[Any]]) -> str:
    """Where somebody goes on: one of the console's `pages`, with its query.

    Another site's address would make this one its accomplice; a download would be taken by whoever only signs in.
    """
    path, _, query = text.partition("?")
    known = any(path == page.path for page in pages.values())
    return text if known and _QUERY.fullmatch(query) else HOME


async def working(request: web.Request, work: Callable[[Any], T]) -> T:
    """What a function makes of the console's world, in a thread."""
    return await in_thread(request, work, request.app[CONSOLE].world)


def refused(
    request: web.Request,
    page: Page[Any],
    model: object,
    error: SigfedError,
    *,
    visitor: Visitor | None = None,
    form: Mapping[str, str] = MappingProxyType({}),
) -> web.Response:
    """The page again, with what was not done, and what was typed into its form."""
    status = problem_of(error).status
    # What fails inside the node is nothing for strangers.
    said = ("", "") if status >= 500 else (translated(error.message), translated(error.hint))
    return rendered(request, page, model, visitor, refused=Refused(page.name, *said, form), status=status)


def admitted(request: web.Request, person: str, token: str, to: str) -> web.Response:
    """The reply that gives a browser the session of this token, which is `person`'s, and has it known from now on."""
    console = request.app[CONSOLE]
    response = led_to(target(to, console.pages))
    response.set_cookie(console.cookie, token, secure=True, httponly=True, samesite="Strict", path="/")
    response.set_cookie(
        console.device_cookie,
        console.devices.cookie(person),
        secure=True,
        httponly=True,
        samesite="Lax",  # who comes back from a provider is known, too
        path="/",
        max_age=LIFE // timedelta(seconds=1),
    )
    return response


def dismissed(request: web.Request) -> web.Response:
    """The reply that takes a browser's session away."""
    response = led_to(SIGN_IN)
    response.del_cookie(request.app[CONSOLE].cookie, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def led_to(path: str) -> web.Response:
    """Go on with another page."""
    return web.Response(status=303, headers={"Location": path})


async def already_in(request: web.Request) -> bool:
    """Whether the browser has a session."""
    return await visiting(request) is not None
