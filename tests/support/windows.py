"""Windows of a browser in which tests look at one page of a console after another, as people do.

A window is kept: the next page in it costs neither a new process of the browser nor compiling axe anew.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright._impl._api_structures import SetCookieParam
from playwright.async_api import Browser, Page

from support.browser import browsing_async
from support.watching import Watch

SIZES = {"desk": (1280, 900), "phone": (390, 844)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How somebody has set up the browser."""

    size: Literal["desk", "phone"] = "desk"
    scheme: Literal["light", "dark"] = "light"
    language: str = "en-GB"
    script: bool = True


JUDGED = (Window(), Window(size="phone", scheme="dark", language="fr-FR"))
"""Each size, scheme and language once: colours do not change with the size, and French is the longer of the two."""


@dataclass(slots=True)
class Windows:
    """One of each kind, and what all of them complain of and ask for."""

    browser: Browser
    watch: Watch = field(default_factory=Watch)
    _kept: dict[Window, Page] = field(default_factory=dict)

    async def look(self, url: str, cookie: SetCookieParam, window: Window) -> Page:
        """The page at this address, for whom the cookie is, in the window of this kind."""
        if window not in self._kept:
            self._kept[window] = await self._opened(window)
        page = self._kept[window]
        await page.context.add_cookies([cookie])
        await page.goto(url)
        return page

    async def _opened(self, window: Window) -> Page:
        width, height = SIZES[window.size]
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=window.scheme,
            java_script_enabled=window.script,
            locale=window.language,
        )
        self.watch.over(context)
        return await context.new_page()


@asynccontextmanager
async def windows_open() -> AsyncIterator[Windows]:
    """Windows of a new browser in the running event loop until the block ends."""
    async with browsing_async() as browser:
        yield Windows(browser)
