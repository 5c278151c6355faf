"""Every page in a real browser: on a desk and on a telephone, light and dark, with script and without.

With `SIGFED_SHOTS=FOLDER` pictures of all are kept there, to be looked at: of a desk, light and in English, and of a
telephone, dark and in French.
"""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext
from playwright.async_api import Page as BrowserPage

from node.console.csp.policy import CSP_REPORTS
from node.console.parts import Page
from node.console.surface import PAGES
from node.console.world import World
from node.store.accounts.records import PersonRole
from support.browser import axe_async, browsing_async, keep_picture
from support.busy_agency import open_world
from support.console import RunningConsole, console_of
from support.console_examples import EXAMPLES
from support.watching import Watch

_SIZES = {"desk": (1280, 900), "phone": (390, 844)}
_JUDGED = (("desk", "light", "en"), ("phone", "dark", "fr"))
"""Each size, scheme and language once: colours do not change with the size, and French is the longer of the two."""

_ELSEWHERE = "http://elsewhere.example/picture.png"
_FORBIDDEN = f"""() => {{
  const picture = document.createElement("img"), script = document.createElement("script");
  picture.src = "{_ELSEWHERE}";
  script.textContent = "document.title = 'done'";
  document.body.append(picture, script);
}}"""

_READ = """() => {
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    const text = node.data.replace(/\\s+/g, " ").trim();
    if (text && !node.parentElement.closest("code, pre, body [lang=en], script, style, .words")) found.push(text);
  }
  for (const one of document.querySelectorAll("[aria-label]")) found.push(one.getAttribute("aria-label"));
  return found;
}"""
"""What somebody reads, text by text; commands, and what is marked as English, are not for translating."""

_AS_WRITTEN = {
    "it is our company logo",
    "found by our moderators",
    "carla decides here as analyst",
    "notice and takedown",
}
"""What people wrote, and what stands in records, is not translated either."""
_SENTENCE = re.compile(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}")


pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("with_browser")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy(busy_home: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningConsole]:
    """One console for all that only look at it."""
    home = tmp_path_factory.mktemp("looking") / "busy"
    shutil.copytree(busy_home, home, ignore=shutil.ignore_patterns("*.lock"))
    with ExitStack() as stack:
        async with console_of(open_world(home, stack)) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with browsing_async() as started:
        yield started


def _named(page: Page[World]) -> str:
    return page.name


async def _context(
    browser: Browser, busy: RunningConsole, role: PersonRole, *, size: str, scheme: str, language: str = "en"
) -> BrowserContext:
    """A new browser window in which somebody with this role is signed in."""
    width, height = _SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=language,
    )
    await context.add_cookies([busy.cookie(role, proved_ms=busy.world.now_ms)])
    return context


def _url(busy: RunningConsole, page: Page[World]) -> str:
    query = EXAMPLES[page.name](busy.world) if page.name in EXAMPLES else ""
    return busy.url(f"{page.path}?{query}")


async def _lookers(busy: RunningConsole, page: Page[World]) -> list[PersonRole]:
    """Roles that see all forms of the page between them, whoever sees most first."""
    forms: dict[PersonRole, set[str]] = {}
    for role in (role for role in PersonRole if role in page.roles):
        async with busy.as_role(role, proved_ms=busy.world.now_ms) as reader:
            reply = await reader.get(_url(busy, page).removeprefix(busy.url("")))
        forms[role] = set(re.findall(r'<form[^>]* action="([^"]*)"', reply.text))
    chosen: list[PersonRole] = []
    seen: set[str] = set()
    for role in sorted(forms, key=lambda role: -len(forms[role])):
        if not chosen or forms[role] - seen:
            chosen.append(role)
            seen |= forms[role]
    return chosen


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=_named)
async def test_a_page_is_for_everybody_who_may_see_it(
    browser: Browser, busy: RunningConsole, page: Page[World], caplog: pytest.LogCaptureFixture
) -> None:
    """Axe holds nothing against it in any role, the policy stops nothing, it fits the screen, reads without script.

    The browser asks for nothing elsewhere, and reports nothing.
    """
    watch = Watch()
    first, *others = await _lookers(busy, page)
    read = {}
    for size, scheme, language in _JUDGED:
        context = await _context(browser, busy, first, size=size, scheme=scheme, language=language)
        looked = await _looked_at(context, _url(busy, page), watch)
        width = _SIZES[size][0]
        wide = await looked.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{page.name} is {wide} wide on a screen of {width}"
        assert await looked.locator("h1").count() == 1
        assert await looked.evaluate("document.documentElement.lang") == language
        read[language] = set(await looked.evaluate(_READ))
        await keep_picture(looked, f"{page.name}-{size}-{scheme}")
        await context.close()
    for role in others:
        context = await _context(browser, busy, role, size="desk", scheme="light")
        await _looked_at(context, _url(busy, page), watch)
        await context.close()
    await _reads_without_script(browser, busy, page, first)
    assert watch.amiss(busy.url("")) == []
    assert "csp-violation" not in caplog.text
    english = {text for text in read["en"] & read["fr"] - _AS_WRITTEN if _SENTENCE.search(text)}
    assert english == set(), "left in English on the French page"


async def test_what_a_page_must_not_do_is_seen(
    browser: Browser, busy: RunningConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """A picture of another site and a script in the page: stopped, complained of, and reported here."""
    watch = Watch()
    context = await _context(browser, busy, PersonRole.VIEWER, size="desk", scheme="light")
    watch.over(context)
    page = await context.new_page()
    await page.goto(busy.url("/console/account"))
    assert watch.amiss(busy.url("")) == []
    async with page.expect_request(busy.url(CSP_REPORTS)):
        await page.evaluate(_FORBIDDEN)
    await page.close()
    await context.close()
    assert len(watch.complaints) >= 2
    assert {_ELSEWHERE, busy.url(CSP_REPORTS)} <= set(watch.amiss(busy.url("")))
    assert "csp-violation" in caplog.text


async def _looked_at(context: BrowserContext, url: str, watch: Watch) -> BrowserPage:
    """The page in this window, judged by axe."""
    watch.over(context)
    looked: BrowserPage = await context.new_page()
    await looked.goto(url)
    assert await axe_async(looked) == []
    return looked


async def _reads_without_script(
    browser: Browser, busy: RunningConsole, page: Page[World], role: PersonRole
) -> None:
    without = await browser.new_context(java_script_enabled=False)
    await without.add_cookies([busy.cookie(role, proved_ms=busy.world.now_ms)])
    read = await without.new_page()
    await read.goto(_url(busy, page))
    assert len(await read.locator("main").inner_text()) > len(page.title)
    assert await read.get_by_role("link", name="Overview").is_visible()
    await without.close()
