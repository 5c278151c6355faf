"""Every page of a partner's console in a real browser: desk and telephone, light and dark, French, without script.

With `SIGFED_SHOTS=FOLDER` pictures of all are kept there, to be looked at.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from node.console.partner.surface import PAGES
from node.console.partner.world import PartnerWorld
from node.console.parts import Page
from node.ports.persons import PersonRole
from support.browser import axe_async, browsing_async
from support.console import RunningConsole
from support.partner_console import EXAMPLES, Seat, partner_console_of, world_of

_SIZES = {"desk": (1280, 900), "phone": (390, 844)}
_JUDGED = (("desk", "light", "en-GB"), ("phone", "dark", "fr-FR"))

Running = RunningConsole[PartnerWorld]


def _named(page: Page[PartnerWorld]) -> str:
    return page.name


@pytest_asyncio.fixture
async def busy(tmp_path: Path) -> AsyncIterator[Running]:
    seat = Seat(tmp_path)
    await seat.hold()
    with seat.busy():
        async with partner_console_of(world_of(seat)) as running:
            yield running


async def _context(
    browser: Browser, busy: Running, *, size: str, scheme: str, language: str, script: bool = True
) -> BrowserContext:
    width, height = _SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
        locale=language,
    )
    await context.add_cookies([busy.cookie(PersonRole.ANALYST)])
    return context


def _url(busy: Running, page: Page[PartnerWorld]) -> str:
    query = EXAMPLES[page.name](busy.world) if page.name in EXAMPLES else ""
    return busy.url(f"{page.path}?{query}")


@pytest.mark.parametrize("page", PAGES, ids=_named)
async def test_a_page_is_for_everybody_who_may_see_it(busy: Running, page: Page[PartnerWorld]) -> None:
    """Axe holds nothing against it, the policy stops nothing, it fits the screen, and it reads without script."""
    told: list[str] = []
    async with browsing_async() as browser:
        for size, scheme, language in _JUDGED:
            context = await _context(browser, busy, size=size, scheme=scheme, language=language)
            looked = await context.new_page()
            looked.on("console", lambda message: told.append(message.text))
            looked.on("pageerror", lambda error: told.append(str(error)))
            await looked.goto(_url(busy, page))
            assert await axe_async(looked) == []
            wide = await looked.evaluate("document.documentElement.scrollWidth")
            assert wide <= _SIZES[size][0], f"{page.name} is {wide} wide"
            assert await looked.locator("h1").count() == 1
            assert await looked.locator("html").get_attribute("lang") == language[:2]
            await context.close()
        without = await _context(browser, busy, size="desk", scheme="light", language="en-GB", script=False)
        read = await without.new_page()
        await read.goto(_url(busy, page))
        assert len(await read.locator("main").inner_text()) > len(page.title)
        assert await read.get_by_role("link", name="Overview").is_visible()
        await without.close()
        if folder := os.environ.get("SIGFED_SHOTS", ""):
            await _keep_pictures(browser, busy, page, Path(folder))
    assert told == []


async def _keep_pictures(browser: Browser, busy: Running, page: Page[PartnerWorld], folder: Path) -> None:
    for size in _SIZES:
        for scheme, language in (("light", "en-GB"), ("dark", "fr-FR")):
            context = await _context(browser, busy, size=size, scheme=scheme, language=language)
            looked = await context.new_page()
            await looked.goto(_url(busy, page))
            await looked.screenshot(path=folder / f"{page.name}-{size}-{scheme}.png", full_page=True)
            await context.close()
