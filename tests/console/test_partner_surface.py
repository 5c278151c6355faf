"""Who gets what of a partner's console: every page, action and file, for each role, for nobody, for other sites."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from node.console.partner.surface import ACTIONS, DOWNLOADS, PAGES
from node.console.partner.world import EVERYBODY, PartnerWorld
from node.console.parts import Action, Page
from node.store.accounts.records import PersonRole
from support.console import RunningConsole
from support.partner_console import Seat, partner_console_of, world_of

Running = RunningConsole[PartnerWorld]


@pytest_asyncio.fixture
async def console(tmp_path: Path) -> AsyncIterator[Running]:
    """Of a home that is enrolled, and holds nothing yet."""
    async with partner_console_of(world_of(Seat(tmp_path))) as running:
        yield running


def _named(row: Page[PartnerWorld] | Action[PartnerWorld]) -> str:
    return row.name


def test_names_and_paths_are_said_once() -> None:
    names = [*(page.name for page in PAGES), *(act.name for act in ACTIONS), *(row.name for row in DOWNLOADS)]
    assert len(set(names)) == len(names)
    shown, done = (
        [*(page.path for page in PAGES), *(row.path for row in DOWNLOADS)],
        [act.path for act in ACTIONS],
    )
    assert all(path.startswith("/console/") for path in (*shown, *done))
    for paths in (shown, done):
        assert len(set(paths)) == len(paths)


def test_every_form_and_file_is_on_a_page() -> None:
    pages = {page.name for page in PAGES}
    assert {action.page for action in ACTIONS} | {row.page for row in DOWNLOADS} <= pages


def test_there_are_two_roles_and_no_passkeys() -> None:
    """What a partner's console has no way to ask for must be asked for nowhere."""
    assert all(page.roles <= EVERYBODY for page in PAGES)
    assert all(action.roles <= EVERYBODY and not action.fresh for action in ACTIONS)
    assert all(row.roles <= EVERYBODY and not row.fresh for row in DOWNLOADS)


@pytest.mark.parametrize("page", PAGES, ids=_named)
async def test_a_page_is_for_its_roles(console: Running, page: Page[PartnerWorld]) -> None:
    async with console.as_nobody() as browser:
        reply = await browser.get(page.path)
        assert reply.status == 303
        assert reply.headers["Location"].startswith("/console/sign-in?to=")
        by_itself = await browser.get(page.path, HX_Request="true")
        assert (by_itself.status, by_itself.text) == (204, "")
    for role in PersonRole:
        async with console.as_role(role) as browser:
            reply = await browser.get(page.path)
        assert (reply.status == 403) == (role not in page.roles), role
        assert reply.status < 500


@pytest.mark.threat("a partner's console")
@pytest.mark.parametrize("action", ACTIONS, ids=_named)
async def test_an_action_is_for_its_roles(console: Running, action: Action[PartnerWorld]) -> None:
    async with console.as_nobody() as browser:
        assert (await browser.post(action.path, {"csrf": ""})).status == 401
    for role in PersonRole:
        async with console.as_role(role) as browser:
            reply = await browser.post(action.path, {"csrf": console.csrf()})
        assert (reply.status == 403) == (role not in action.roles), role
        # Nobody answers where this home enrolled: the page says so.
        assert reply.status < 500 or "This was not done." in reply.words


@pytest.mark.threat("a partner's console")
@pytest.mark.parametrize("action", ACTIONS, ids=_named)
async def test_no_other_site_does_anything(console: Running, action: Action[PartnerWorld]) -> None:
    async with console.as_role(PersonRole.ANALYST) as browser:
        await console.require_others_refused(browser, action.path)


async def test_a_file_is_for_its_roles(console: Running) -> None:
    for row in DOWNLOADS:
        async with console.as_nobody() as browser:
            assert (await browser.get(row.path)).status == 303, row.name
        for role in PersonRole:
            async with console.as_role(role) as browser:
                reply = await browser.get(row.path)
            assert (reply.status == 403) == (role not in row.roles), (row.name, role)
            assert reply.status < 500, (row.name, role)
            embedded = await _embedded(console, role, row.path)
            assert embedded == 403, row.name


async def _embedded(console: Running, role: PersonRole, path: str) -> int:
    async with console.as_role(role) as browser:
        return (await browser.get(path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")).status


@pytest.mark.threat("a partner's console")
async def test_every_reply_is_as_guarded_as_an_agencys(console: Running) -> None:
    async with console.as_role(PersonRole.VIEWER) as browser:
        for path in ("/", "/console/", "/console/nowhere", "/console/sign-in", "/console/static/console.css"):
            reply = await browser.get(path)
            assert "default-src 'none'" in reply.headers["Content-Security-Policy"], path
            assert reply.headers["X-Frame-Options"] == "DENY", path
        for host in ("rebound.example", f"127.0.0.1:{console.server.port}"):
            assert (await browser.get("/console/", Host=host)).status == 421, host
