"""A real Chromium for tests of pages, and axe's judgement of a page.

Debian's program is used, the one without windows where it is installed: a page costs half of what it costs the other.
Playwright must not bring its own. Playwright's synchronous interface keeps an event loop
running in the thread that uses it, so a browser lives for a module at most (`browser` in tests/browser/conftest.py),
and what such a test does with `asyncio.run` it does in another thread. Where the node runs in the test's own event
loop, `browsing_async` has the same browser there.
"""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe as AsyncAxe
from axe_playwright_python.sync_playwright import Axe
from playwright.async_api import Browser as AsyncBrowser
from playwright.async_api import Page as AsyncPage
from playwright.async_api import async_playwright, expect
from playwright.sync_api import Browser, Page, sync_playwright

from support.programs import found, needed

FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
"""For root, for a small /dev/shm, for a machine without a screen."""

PATIENCE_MS = 60_000
"""On a loaded machine a page draws when its turn comes."""

expect.set_options(timeout=PATIENCE_MS)


def chromium() -> Path:
    """The program; the test is skipped where it is not installed."""
    without_windows = "chromium-headless-shell"
    return needed(without_windows if found(without_windows) else "chromium")


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@asynccontextmanager
async def browsing_async() -> AsyncIterator[AsyncBrowser]:
    """A browser in the running event loop until the block ends."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


async def keep_picture(page: AsyncPage, name: str) -> None:
    """A picture of the whole page as it is now, in the folder that `SIGFED_SHOTS` names; none without it."""
    if folder := os.environ.get("SIGFED_SHOTS", ""):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def axe(page: Page) -> list[str]:
    """What axe holds against a page as it is now, a line an element; nothing is good."""
    return _lines(Axe().run(page).response)


async def axe_async(page: AsyncPage) -> list[str]:
    """The same in the running event loop."""
    return _lines((await AsyncAxe().run(page)).response)


def _lines(response: Mapping[str, Any]) -> list[str]:
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: {' '.join(map(str, node['target']))}"
        for found in response["violations"]
        for node in found["nodes"]
    ]
