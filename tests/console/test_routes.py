"""Nothing answers but what stands in the tables and a short list beside them; and who gets what of that list."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from node.console.address import Address
from node.console.app import make_console
from node.console.csp import CSP_REPORTS
from node.console.partner.app import make_partner_console
from node.console.partner.surface import SURFACE as PARTNERS
from node.console.parts import Surface
from node.console.surface import SURFACE
from node.console.visitors import Visitors
from node.store.accounts.records import PersonRole
from support.cheap_node import CheapNode
from support.console import OTHER_SITES, Browser, KeptVisitors, Reply, RunningConsole, console_in
from support.partner_console import Seat, partner_console_of, world_of

Running = RunningConsole[Any]

_IN, _GATE = (303, "/console/"), (303, "/console/sign-in")


@dataclass(frozen=True, slots=True)
class Loose:
    """A route in no table: what comes back, and where it leads, for nobody and for somebody of any role."""

    nobody: tuple[int, str]
    somebody: tuple[int, str]
    own: bool = False
    """Whether its form must be one of the session's own."""


_COMMON: Mapping[tuple[str, str], Loose] = {
    ("GET", "/"): Loose(_IN, _IN),
    ("GET", "/console/static/{name}"): Loose((200, ""), (200, "")),
    ("POST", CSP_REPORTS): Loose((204, ""), (204, "")),
    ("GET", "/console/sign-in"): Loose((200, ""), _IN),
    ("POST", "/console/sign-out"): Loose(_GATE, _GATE, own=True),
}
_PARTNER: Mapping[tuple[str, str], Loose] = {
    **_COMMON,
    ("POST", "/console/sign-in"): Loose((400, ""), (400, "")),
}
_AGENCY: Mapping[tuple[str, str], Loose] = {
    **_COMMON,
    ("POST", "/console/sign-in"): Loose((401, ""), (401, "")),
    ("POST", "/console/sign-in/question"): Loose((200, ""), (200, "")),
    ("GET", "/console/prove"): Loose(_GATE, (200, "")),
    ("POST", "/console/prove"): Loose(_GATE, (401, ""), own=True),
    ("POST", "/console/prove/question"): Loose(_GATE, (200, ""), own=True),
    ("GET", "/console/welcome"): Loose((200, ""), (200, "")),
    ("POST", "/console/welcome"): Loose((400, ""), (400, "")),
    ("POST", "/console/passkey"): Loose((401, ""), (401, "")),
    ("POST", "/console/account/passkey"): Loose(_GATE, (303, "/console/prove"), own=True),
    ("GET", "/console/sign-in/elsewhere"): Loose((404, ""), (404, "")),
    ("GET", "/console/sign-in/return"): Loose((404, ""), (404, "")),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """Whose console it is."""

    surface: Surface[Any]
    loose: Mapping[tuple[str, str], Loose]


_KINDS = {"agency": Kind(SURFACE, _AGENCY), "partner": Kind(PARTNERS, _PARTNER)}
_ROUTES = [(kind, *route) for kind, of in _KINDS.items() for route in of.loose]
_FORMS = [(kind, path) for kind, method, path in _ROUTES if method == "POST"]


@asynccontextmanager
async def _console(kind: str, founded: CheapNode, folder: Path) -> AsyncIterator[Running]:
    if kind == "partner":
        async with partner_console_of(world_of(Seat(folder))) as partner:
            yield partner
        return
    shutil.copytree(founded.folder, folder / "node")
    async with console_in(replace(founded, folder=folder / "node")) as agency:
        yield agency


async def _asked(browser: Browser, method: str, path: str, csrf: str = "", **headers: str) -> Reply:
    path = path.replace("{name}", "console.css")
    if method == "GET":
        return await browser.get(path, **headers)
    return await browser.post(path, {"csrf": csrf}, **headers)


def _led(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.headers.get("Location", "").partition("?")[0]


@pytest.mark.parametrize("kind", _KINDS)
async def test_routes_are_the_tables_and_the_list(kind: str, founded: CheapNode, tmp_path: Path) -> None:
    surface = _KINDS[kind].surface
    tables = [("GET", page.path) for page in surface.pages]
    tables += [("GET", row.path) for row in surface.downloads]
    tables += [("POST", action.path) for action in surface.actions]
    async with _console(kind, founded, tmp_path) as running:
        make = make_console if kind == "agency" else make_partner_console
        visitors: Visitors = KeptVisitors()
        app = make(running.world, visitors, Address.parse("http://localhost:1/"))
    served = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource]
    assert len(served) == len(app.router.routes())
    assert sorted(served) == sorted([*tables, *_KINDS[kind].loose])


@pytest.mark.parametrize(("kind", "method", "path"), _ROUTES)
async def test_what_nobody_and_each_role_gets(
    kind: str, method: str, path: str, founded: CheapNode, tmp_path: Path
) -> None:
    row = _KINDS[kind].loose[method, path]
    async with _console(kind, founded, tmp_path) as running:
        async with running.as_nobody() as browser:
            assert _led(await _asked(browser, method, path)) == row.nobody
        for role in PersonRole:
            async with running.as_role(role) as browser:
                assert _led(await _asked(browser, method, path, running.csrf())) == row.somebody, role
                if row.own:
                    assert (await _asked(browser, method, path, "form-of-another")).status == 403, role


@pytest.mark.parametrize(("kind", "path"), _FORMS)
async def test_no_other_site_sends_its_forms(
    kind: str, path: str, founded: CheapNode, tmp_path: Path
) -> None:
    """But for reports: a browser may send them for whoever it likes, and nothing of them is kept."""
    status = 204 if path == CSP_REPORTS else 403
    async with _console(kind, founded, tmp_path) as running:
        for role in (None, *PersonRole):
            async with running.as_nobody() if role is None else running.as_role(role) as browser:
                for headers in OTHER_SITES:
                    csrf = running.csrf() if role else ""
                    reply = await _asked(browser, "POST", path, csrf, **headers)
                    assert reply.status == status, (role, headers)
