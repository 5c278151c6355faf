"""Every page of a partner's console in a real browser: desk and telephone, light and dark, French, without script.

With `SIGFED_SHOTS=FOLDER` pictures of all are kept there, to be looked at.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from node.console.address import Address
from node.console.hoster.app import make_partner_console
from node.console.hoster.surface import PAGES
from node.console.hoster.world import PartnerWorld
from node.console.parts import Page
from node.hoster.console_tokens import Guest
from node.hoster.hits.resolutions import Action
from node.store.accounts.records import PersonRole
from node.web.server import serve
from support.browser import axe_async, keep_picture
from support.console import RunningConsole
from support.partner_console import EXAMPLES, Seat, partner_console_of, world_of
from support.processes import free_port
from support.windows import JUDGED, SIZES, Window, Windows

_PICTURED = "partner-console-"
"""Before the names of pictures: the agency's console has pages of the same names, and theirs lie in the same folder."""

Running = RunningConsole[PartnerWorld]


def _named(page: Page[PartnerWorld]) -> str:
    return page.name


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One console for all that only look at it."""
    seat = Seat(tmp_path_factory.mktemp("looking"))
    await seat.hold()
    with seat.busy():
        async with partner_console_of(world_of(seat)) as running:
            yield running


def _url(busy: Running, page: Page[PartnerWorld]) -> str:
    query = EXAMPLES[page.name](busy.world) if page.name in EXAMPLES else ""
    return busy.url(f"{page.path}?{query}")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=_named)
async def test_a_page_is_for_everybody_who_may_see_it(
    windows: Windows, busy: Running, page: Page[PartnerWorld], caplog: pytest.LogCaptureFixture
) -> None:
    """Axe holds nothing against it, the policy stops nothing, it fits the screen, and it reads without script.

    The browser asks for nothing elsewhere, and reports nothing.
    """
    cookie = busy.cookie(PersonRole.ANALYST)
    for window in JUDGED:
        looked = await windows.look(_url(busy, page), cookie, window)
        assert await axe_async(looked) == []
        wide = await looked.evaluate("document.documentElement.scrollWidth")
        assert wide <= SIZES[window.size][0], f"{page.name} is {wide} wide"
        assert await looked.locator("h1").count() == 1
        assert await looked.locator("html").get_attribute("lang") == window.language[:2]
        await keep_picture(looked, f"{_PICTURED}{page.name}-{window.size}-{window.scheme}")
    read = await windows.look(_url(busy, page), cookie, Window(script=False))
    assert len(await read.locator("main").inner_text()) > len(page.title)
    assert await read.get_by_role("link", name="Overview").is_visible()
    assert windows.watch.amiss(busy.url("")) == []
    assert "csp-violation" not in caplog.text


@pytest.mark.parametrize("held", [False, True], ids=["no-list", "outdated"])
async def test_a_home_in_which_nothing_is_well(windows: Windows, tmp_path: Path, held: bool) -> None:
    """Without a list, or past its grace: each page still reads, on a telephone too, and what is wrong is loud."""
    seat, window = Seat(tmp_path), Window(size="phone")
    if held:
        await seat.hold()
        seat.pass_time(timedelta(days=60))
    async with partner_console_of(world_of(seat)) as busy:
        cookie = busy.cookie(PersonRole.ANALYST)
        for page in PAGES:
            if page.name in EXAMPLES:
                continue
            looked = await windows.look(busy.url(page.path), cookie, window)
            assert await axe_async(looked) == [], page.name
            wide = await looked.evaluate("document.documentElement.scrollWidth")
            assert wide <= SIZES[window.size][0], page.name
        looked = await windows.look(busy.url("/console/"), cookie, window)
        loud = looked.locator(".notice.bad strong")
        words = "The list is outdated" if held else "No list is held yet."
        assert words in await loud.inner_text()
        await keep_picture(looked, f"{_PICTURED}overview-{'outdated' if held else 'no-list'}")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
async def test_from_the_token_to_a_resolved_hit(windows: Windows, tmp_path: Path, script: bool) -> None:
    """With the cookie as Chromium takes it on this machine, by the forms as they stand."""
    seat, port = Seat(tmp_path), free_port()
    await seat.hold()
    hit = seat.find("2026/uploads/a.jpg", hours_ago=25)
    world = world_of(seat)
    token = world.tokens.make(Guest(name="Alice", role=PersonRole.ANALYST)).text
    app = make_partner_console(world, world.sessions, Address.parse(f"http://localhost:{port}/"))
    server = await serve(app, ssl_context=None, host="127.0.0.1", port=port, drain_seconds=1)
    try:
        context = await windows.browser.new_context(java_script_enabled=script)
        page = await context.new_page()
        await page.goto(f"http://localhost:{port}/console/hits")
        await page.get_by_label("One-time token").fill(token)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("link", name=hit.id[:8]).click()
        await page.get_by_label("The file was").select_option("removed")
        await page.get_by_role("button", name="Record it").click()
        said = await page.get_by_role("status").inner_text()
        assert said.startswith("What became of the file is recorded.")
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("heading", name="Sign in").wait_for()
        await page.goto(f"http://localhost:{port}/console/hits")
        assert await page.get_by_role("heading", name="Sign in").is_visible()
        await context.close()
    finally:
        await server.stop()
    assert seat.spool.get(hit.id).action is Action.REMOVED
