"""Who gets what of the console: every page and action, for every role, for nobody, and at another site's wish."""

import pytest

from node.console.parts import Action, Page
from node.console.surface import ACTIONS, DOWNLOADS, PAGES
from node.console.visitors import FRESH_MS
from node.store.accounts.records import PersonRole
from support.console import RunningConsole


def _named(row: Page | Action) -> str:
    return row.name


def test_names_and_paths_are_said_once() -> None:
    names = [page.name for page in PAGES] + [action.name for action in ACTIONS]
    paths = [page.path for page in PAGES] + [action.path for action in ACTIONS]
    names += [row.name for row in DOWNLOADS]
    paths += [row.path for row in DOWNLOADS]
    assert len(set(names)) == len(names)
    assert all(path.startswith("/console/") for path in paths)
    for rows in (PAGES, ACTIONS):
        assert len({row.path for row in rows}) == len(rows)


def test_every_form_is_on_a_page() -> None:
    assert {action.page for action in ACTIONS} <= {page.name for page in PAGES}


def test_whoever_may_do_something_may_see_its_page() -> None:
    pages = {page.name: page for page in PAGES}
    for action in ACTIONS:
        assert action.roles <= pages[action.page].roles, action.name


def test_viewers_only_look() -> None:
    assert not [action.name for action in ACTIONS if not action.roles]


@pytest.mark.parametrize("page", PAGES, ids=_named)
async def test_a_page_is_for_its_roles(console: RunningConsole, page: Page) -> None:
    async with console.as_nobody() as browser:
        reply = await browser.get(page.path)
        assert reply.status == 303
        assert reply.headers["Location"].startswith("/console/sign-in?to=")
    for role in PersonRole:
        async with console.as_role(role) as browser:
            reply = await browser.get(page.path)
        assert (reply.status == 403) == (role not in page.roles), role
        assert reply.status < 500


@pytest.mark.parametrize("action", ACTIONS, ids=_named)
async def test_an_action_is_for_its_roles(console: RunningConsole, action: Action) -> None:
    async with console.as_nobody() as browser:
        assert (await browser.post(action.path, {"csrf": ""})).status == 401
    for role in PersonRole:
        async with console.as_role(role, proved_ms=console.world.now_ms) as browser:
            reply = await browser.post(action.path, {"csrf": console.csrf()})
        assert (reply.status == 403) == (role not in action.roles), role
        assert reply.status < 500


@pytest.mark.parametrize("action", ACTIONS, ids=_named)
async def test_no_other_site_does_anything(console: RunningConsole, action: Action) -> None:
    role = next(iter(action.roles))
    async with console.as_role(role, proved_ms=console.world.now_ms) as browser:
        await console.require_others_refused(browser, action.path)


async def test_grave_actions_take_a_passkey_shown_just_now(console: RunningConsole) -> None:
    stale = console.world.now_ms - FRESH_MS - 1
    for action in ACTIONS:
        if not action.fresh:
            continue
        async with console.as_role(next(iter(action.roles)), proved_ms=stale) as browser:
            reply = await browser.post(action.path, {"csrf": console.csrf()})
        assert reply.status == 303, action.name
        assert reply.headers["Location"].startswith("/console/prove?to="), action.name


async def test_a_file_is_for_its_roles(console: RunningConsole) -> None:
    for row in DOWNLOADS:
        async with console.as_nobody() as browser:
            assert (await browser.get(row.path)).status == 303, row.name
        for role in PersonRole:
            async with console.as_role(role, proved_ms=console.world.now_ms) as browser:
                reply = await browser.get(row.path)
            assert (reply.status == 403) == (role not in row.roles), (row.name, role)
            assert reply.status < 500, (row.name, role)


async def test_grave_files_take_a_passkey_shown_just_now(console: RunningConsole) -> None:
    stale = console.world.now_ms - FRESH_MS - 1
    for row in DOWNLOADS:
        if not row.fresh:
            continue
        async with console.as_role(next(iter(row.roles)), proved_ms=stale) as browser:
            reply = await browser.get(row.path)
        assert reply.status == 303, row.name
        assert reply.headers["Location"].startswith("/console/prove?to="), row.name


def test_every_file_is_linked_from_a_page() -> None:
    assert {row.page for row in DOWNLOADS} <= {page.name for page in PAGES}
