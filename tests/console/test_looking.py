"""Every page in a real browser: on a desk and on a telephone, light and dark, with script and without.

With `SIGFED_SHOTS=FOLDER` pictures of all are kept there, to be looked at.
"""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext
from playwright.async_api import Page as BrowserPage

from node.console.parts import Page
from node.console.surface import PAGES
from node.ports.persons import PersonRole
from support.browser import axe_async, browsing_async
from support.console import RunningConsole
from support.console_examples import EXAMPLES

_SIZES = {"desk": (1280, 900), "phone": (390, 844)}
_JUDGED = (("desk", "light"), ("phone", "dark"))
"""Each size and each scheme once; colours do not change with the size."""


def _named(page: Page) -> str:
    return page.name


async def _context(
    browser: Browser, busy: RunningConsole, page: Page, *, size: str, scheme: str, script: bool = True
) -> BrowserContext:
    """A new browser window in which somebody is signed in who may see the page."""
    role = PersonRole.OPERATOR if PersonRole.OPERATOR in page.roles else next(iter(page.roles))
    width, height = _SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
    )
    await context.add_cookies([busy.cookie(role, proved_ms=busy.world.now_ms)])
    return context


def _url(busy: RunningConsole, page: Page) -> str:
    query = EXAMPLES[page.name](busy.world) if page.name in EXAMPLES else ""
    return busy.url(f"{page.path}?{query}")


@pytest.mark.parametrize("page", PAGES, ids=_named)
async def test_a_page_is_for_everybody_who_may_see_it(busy: RunningConsole, page: Page) -> None:
    """Axe holds nothing against it, the policy stops nothing, it fits the screen, and it reads without script."""
    told: list[str] = []
    async with browsing_async() as browser:
        for size, scheme in _JUDGED:
            context = await _context(browser, busy, page, size=size, scheme=scheme)
            looked: BrowserPage = await context.new_page()
            looked.on("console", lambda message: told.append(message.text))
            looked.on("pageerror", lambda error: told.append(str(error)))
            await looked.goto(_url(busy, page))
            assert await axe_async(looked) == []
            width = _SIZES[size][0]
            wide = await looked.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{page.name} is {wide} wide on a screen of {width}"
            assert await looked.locator("h1").count() == 1
            await context.close()
        without = await _context(browser, busy, page, size="desk", scheme="light", script=False)
        read = await without.new_page()
        await read.goto(_url(busy, page))
        assert len(await read.locator("main").inner_text()) > len(page.title)
        assert await read.get_by_role("link", name="Overview").is_visible()
        await without.close()
        if folder := os.environ.get("SIGFED_SHOTS", ""):
            await _keep_pictures(browser, busy, page, Path(folder))
    assert told == []


async def _keep_pictures(browser: Browser, busy: RunningConsole, page: Page, folder: Path) -> None:
    for size in _SIZES:
        for scheme in ("light", "dark"):
            context = await _context(browser, busy, page, size=size, scheme=scheme)
            looked = await context.new_page()
            await looked.goto(_url(busy, page))
            await looked.screenshot(path=folder / f"{page.name}-{size}-{scheme}.png", full_page=True)
            await context.close()
