"""Every page in a real browser: on a desk and on a telephone, light and dark, with script and without.

With `SIGFED_SHOTS=FOLDER` the pictures are kept there, to be looked at.
"""

import os
from pathlib import Path

import pytest
from playwright.async_api import Page as BrowserPage

from node.console.parts import Page
from node.console.surface import PAGES
from node.ports.persons import PersonRole
from support.browser import axe_async, browsing_async
from support.console import RunningConsole
from support.console_examples import EXAMPLES

_SIZES = {"desk": (1280, 900), "phone": (390, 844)}


def _named(page: Page) -> str:
    return page.name


def _shot(page: Page, size: str, scheme: str) -> Path | None:
    folder = os.environ.get("SIGFED_SHOTS", "")
    return Path(folder) / f"{page.name}-{size}-{scheme}.png" if folder else None


@pytest.mark.parametrize("page", PAGES, ids=_named)
async def test_a_page_is_for_everybody_who_may_see_it(busy: RunningConsole, page: Page) -> None:
    """Axe holds nothing against it, nothing is stopped by the policy, nothing is wider than the screen."""
    role = PersonRole.OPERATOR if PersonRole.OPERATOR in page.roles else next(iter(page.roles))
    query = EXAMPLES[page.name](busy.world) if page.name in EXAMPLES else ""
    told: list[str] = []
    async with browsing_async() as browser:
        for size, (width, height) in _SIZES.items():
            for scheme in ("light", "dark"):
                context = await browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                )
                await context.add_cookies([busy.cookie(role, proved_ms=busy.world.now_ms)])
                looked: BrowserPage = await context.new_page()
                looked.on("console", lambda message: told.append(message.text))
                looked.on("pageerror", lambda error: told.append(str(error)))
                await looked.goto(busy.url(f"{page.path}?{query}"))
                if (path := _shot(page, size, scheme)) is not None:
                    await looked.screenshot(path=path, full_page=True)
                assert await axe_async(looked) == []
                wide = await looked.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{page.name} is {wide} wide on a screen of {width}"
                await context.close()
    assert told == []
