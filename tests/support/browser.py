"""A real Chromium for tests of pages, and axe's judgement of a page.

Debian's program is used, the one without windows where it is installed: a page costs half of what it costs the other.
Playwright must not bring its own. Playwright's synchronous interface keeps an event loop
running in the thread that uses it, so a browser lives for a module at most (`browser` in tests/browser/conftest.py),
and what such a test does with `asyncio.run` it does in another thread. Where the node runs in the test's own event
loop, `browsing_async` has the same browser there.
"""

import os
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser as AsyncBrowser
from playwright.async_api import Page as AsyncPage
from playwright.async_api import async_playwright, expect
from playwright.sync_api import Browser, Page, sync_playwright

from support.programs import found, needed

FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
"""For root, for a small /dev/shm, for a machine without a screen."""

_PATIENCE_MS = 120_000
"""On a loaded machine a page draws when its turn comes."""

expect.set_options(timeout=_PATIENCE_MS)


def chromium() -> Path:
    """The program; the test is skipped where it is not installed."""
    without_windows = "chromium-headless-shell"
    return needed(without_windows if found(without_windows) else "chromium")


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser until the block ends."""
    program = chromium()  # before what drives it is started
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=_PATIENCE_MS)
        # A function of its own: Playwright keeps at it by which of its two interfaces it is called.
        browser.on("context", lambda context: context.set_default_timeout(_PATIENCE_MS))
        try:
            yield browser
        finally:
            browser.close()


@asynccontextmanager
async def browsing_async() -> AsyncIterator[AsyncBrowser]:
    """A browser in the running event loop until the block ends."""
    program = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=_PATIENCE_MS)
        # A function of its own: Playwright keeps at it by which of its two interfaces it is called.
        browser.on("context", lambda context: context.set_default_timeout(_PATIENCE_MS))
        try:
            yield browser
        finally:
            await browser.close()


async def keep_picture(page: AsyncPage, name: str) -> None:
    """A picture of the whole page as it is now, in the folder that `SIGFED_SHOTS` names; none without it."""
    if folder := os.environ.get("SIGFED_SHOTS", ""):
        seen = await page.context.new_cdp_session(page)
        whole = (await seen.send("Page.getLayoutMetrics"))["cssContentSize"]
        asked = {"clip": whole | {"scale": 1}, "captureBeyondViewport": True, "optimizeForSpeed": True}
        taken = await seen.send("Page.captureScreenshot", asked)
        await seen.detach()
        (Path(folder) / f"{name}.png").write_bytes(b64decode(taken["data"]))


_JUDGE = """() => window.axe && axe.run({resultTypes: ["violations"]}).then(({violations}) => violations.flatMap(
  ({id, impact, help, nodes}) => nodes.map(({target}) => `${id} (${impact}): ${help}: ${target.join(" ")}`)
))"""
"""Only what is wrong leaves the browser: to send what axe looked at costs as much as to look."""


def axe(page: Page) -> list[str]:
    """What axe holds against a page as it is now, a line an element; nothing is good."""
    if (found := page.evaluate(_JUDGE)) is None:
        page.add_init_script(AXE_SCRIPT)  # the next pages in this window have it, sent and compiled once
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate(_JUDGE)
    return list(found)


async def axe_async(page: AsyncPage) -> list[str]:
    """The same in the running event loop, of a page that may be on its way still."""
    await page.wait_for_load_state()
    if (found := await page.evaluate(_JUDGE)) is None:
        await page.add_init_script(AXE_SCRIPT)
        await page.evaluate(AXE_SCRIPT)
        found = await page.evaluate(_JUDGE)
    return list(found)
