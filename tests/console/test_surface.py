"""Who gets what of both consoles: every page, action and file, for each role, for nobody, at another site's wish.

Nothing answers but what stands in the tables of a console, and a short list of routes beside them.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.console.address import Address
from node.console.app import make_console
from node.console.csp import CSP_REPORTS
from node.console.hoster.app import make_partner_console
from node.console.hoster.surface import SURFACE as PARTNERS
from node.console.hoster.world import EVERYBODY
from node.console.parts import Action, Download, Page, Surface
from node.console.surface import SURFACE
from node.console.visitors import FRESH_MS, Visitors
from node.store.accounts.records import PersonRole
from support.cheap_node import CheapNode
from support.console import OTHER_SITES, Browser, KeptVisitors, Reply, RunningConsole, console_in
from support.partner_console import Seat, partner_console_of, world_of

Running = RunningConsole[Any]
Row = Page[Any] | Action[Any] | Download[Any]

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


def _rows(table: str) -> list[Any]:
    """All of one table, of both consoles."""
    rows = [(kind, row) for kind, of in _KINDS.items() for row in getattr(of.surface, table)]
    return [pytest.param(kind, row, id=f"{kind}-{row.name}") for kind, row in rows]


@asynccontextmanager
async def _console(kind: str, founded: CheapNode, folder: Path) -> AsyncIterator[Running]:
    if kind == "partner":
        async with partner_console_of(world_of(Seat(folder))) as partner:
            yield partner
        return
    async with console_in(founded.copied(folder / "node")) as agency:
        yield agency


async def _asked(browser: Browser, method: str, path: str, csrf: str = "", **headers: str) -> Reply:
    path = path.replace("{name}", "console.css")
    if method == "GET":
        return await browser.get(path, **headers)
    return await browser.post(path, {"csrf": csrf}, **headers)


def _led(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.headers.get("Location", "").partition("?")[0]


async def _require_roles(kind: str, running: Running, method: str, row: Row) -> None:
    """Those of the row come in, with a passkey that was shown just now, and no others."""
    for role in PersonRole:
        async with running.as_role(role, proved_ms=running.world.now_ms) as browser:
            reply = await _asked(browser, method, row.path, running.csrf())
        assert (reply.status == 403) == (role not in row.roles), role
        # Nobody answers where a partner's home enrolled: the page says so.
        not_done = kind == "partner" and method == "POST" and "This was not done." in reply.words
        assert reply.status < 500 or not_done, role


@pytest.mark.parametrize("surface", [SURFACE, PARTNERS], ids=list(_KINDS))
def test_names_and_paths_are_said_once_and_everything_is_on_a_page(surface: Surface[Any]) -> None:
    shown: tuple[Row, ...] = (*surface.pages, *surface.downloads)
    done: tuple[Row, ...] = surface.actions
    names = [row.name for row in (*shown, *done)]
    assert len(set(names)) == len(names)
    for rows in (shown, done):
        assert len({row.path for row in rows}) == len(rows)
        assert all(row.path.startswith("/console/") for row in rows)
    pages = {page.name: page for page in surface.pages}
    asking: tuple[Action[Any] | Download[Any], ...] = (*surface.actions, *surface.downloads)
    for asked in asking:
        assert asked.roles, "viewers only look"
        assert asked.roles <= pages[asked.page].roles, asked.name


def test_partners_have_two_roles_and_no_passkeys() -> None:
    """What a partner's console has no way to ask for must be asked for nowhere."""
    assert all(page.roles <= EVERYBODY for page in PARTNERS.pages)
    assert all(action.roles <= EVERYBODY and not action.fresh for action in PARTNERS.actions)
    assert all(row.roles <= EVERYBODY and not row.fresh for row in PARTNERS.downloads)


@pytest.mark.parametrize(("kind", "page"), _rows("pages"))
async def test_a_page_is_for_its_roles(
    kind: str, page: Page[Any], founded: CheapNode, tmp_path: Path
) -> None:
    async with _console(kind, founded, tmp_path) as running:
        async with running.as_nobody() as browser:
            assert _led(await browser.get(page.path)) == _GATE
            by_itself = await browser.get(page.path, HX_Request="true")
            assert (by_itself.status, by_itself.text) == (204, "")
        await _require_roles(kind, running, "GET", page)


@pytest.mark.threat("a partner's console")
@pytest.mark.parametrize(("kind", "action"), _rows("actions"))
async def test_an_action_is_for_its_roles_and_no_other_site(
    kind: str, action: Action[Any], founded: CheapNode, tmp_path: Path
) -> None:
    async with _console(kind, founded, tmp_path) as running:
        async with running.as_nobody() as browser:
            assert (await browser.post(action.path, {"csrf": ""})).status == 401
        await _require_roles(kind, running, "POST", action)
        role = next(iter(action.roles))
        async with running.as_role(role, proved_ms=running.world.now_ms) as browser:
            await running.require_others_refused(browser, action.path)


@pytest.mark.parametrize(("kind", "row"), _rows("downloads"))
async def test_a_file_is_for_its_roles_and_no_other_site(
    kind: str, row: Download[Any], founded: CheapNode, tmp_path: Path
) -> None:
    async with _console(kind, founded, tmp_path) as running:
        async with running.as_nobody() as browser:
            assert _led(await browser.get(row.path)) == _GATE
        await _require_roles(kind, running, "GET", row)
        role = next(iter(row.roles))
        async with running.as_role(role, proved_ms=running.world.now_ms) as browser:
            embedded = await browser.get(row.path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")
        assert embedded.status == 403


async def test_what_is_grave_takes_a_passkey_shown_just_now(console: RunningConsole) -> None:
    stale = console.world.now_ms - FRESH_MS - 1
    grave = [("POST", action.path, action.roles) for action in SURFACE.actions if action.fresh]
    grave += [("GET", row.path, row.roles) for row in SURFACE.downloads if row.fresh]
    assert {method for method, _, _ in grave} == {"GET", "POST"}
    for method, path, roles in grave:
        async with console.as_role(next(iter(roles)), proved_ms=stale) as browser:
            reply = await _asked(browser, method, path, console.csrf())
        assert _led(reply) == (303, "/console/prove"), path


@pytest.mark.threat("a partner's console")
async def test_every_reply_of_a_partners_is_as_guarded_as_an_agencys(
    founded: CheapNode, tmp_path: Path
) -> None:
    async with (
        _console("partner", founded, tmp_path) as running,
        running.as_role(PersonRole.VIEWER) as browser,
    ):
        for path in ("/", "/console/", "/console/nowhere", "/console/sign-in", "/console/static/console.css"):
            reply = await browser.get(path)
            assert "default-src 'none'" in reply.headers["Content-Security-Policy"], path
            assert reply.headers["X-Frame-Options"] == "DENY", path
        for host in ("rebound.example", f"127.0.0.1:{running.server.port}"):
            assert (await browser.get("/console/", Host=host)).status == 421, host


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
async def test_what_nobody_and_each_role_gets_of_the_list(
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
async def test_no_other_site_sends_forms_of_the_list(
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
