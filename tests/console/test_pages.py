"""Every page in a real browser: on a desk and on a telephone, light and dark, with script and without.

With `SIGFED_SHOTS=FOLDER` pictures of all are kept there, to be looked at: of a desk, light and in English, and of a
telephone, dark and in French.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright._impl._api_structures import SetCookieParam

from node.console.csp import CSP_REPORTS
from node.console.parts import Page
from node.console.surface import PAGES
from node.console.world import World
from node.store.accounts.records import PersonRole
from support.browser import axe_async, keep_picture
from support.busy_agency import busy_console
from support.console import RunningConsole
from support.console_examples import EXAMPLES
from support.processes import wait_until
from support.windows import JUDGED, SIZES, Window, Windows

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
    async with busy_console(busy_home, tmp_path_factory.mktemp("looking") / "busy") as running:
        yield running


def _named(page: Page[World]) -> str:
    return page.name


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
    windows: Windows, busy: RunningConsole, page: Page[World], caplog: pytest.LogCaptureFixture
) -> None:
    """Axe holds nothing against it in any role, the policy stops nothing, it fits the screen, reads without script.

    The browser asks for nothing elsewhere, and reports nothing.
    """
    first, *others = await _lookers(busy, page)
    read = []
    for window in JUDGED:
        looked = await windows.look(_url(busy, page), _cookie(busy, first), window)
        assert await axe_async(looked) == []
        wide, most = await looked.evaluate("document.documentElement.scrollWidth"), SIZES[window.size][0]
        assert wide <= most, f"{page.name} is {wide} wide on a screen of {most}"
        assert await looked.locator("h1").count() == 1
        assert await looked.evaluate("document.documentElement.lang") == window.language[:2]
        read.append(set(await looked.evaluate(_READ)))
        await keep_picture(looked, f"{page.name}-{window.size}-{window.scheme}")
    for role in others:
        assert await axe_async(await windows.look(_url(busy, page), _cookie(busy, role), Window())) == []
    without = await windows.look(_url(busy, page), _cookie(busy, first), Window(script=False))
    assert len(await without.locator("main").inner_text()) > len(page.title)
    assert await without.get_by_role("link", name="Overview").is_visible()
    assert windows.watch.amiss(busy.url("")) == []
    assert "csp-violation" not in caplog.text
    english, french = read
    left = {text for text in english & french - _AS_WRITTEN if _SENTENCE.search(text)}
    assert left == set(), "left in English on the French page"


async def test_what_a_page_must_not_do_is_seen(
    windows: Windows, busy: RunningConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """A picture of another site and a script in the page: stopped, complained of, and reported here."""
    page = await windows.look(busy.url("/console/account"), _cookie(busy, PersonRole.VIEWER), Window())
    watch = windows.watch
    assert watch.amiss(busy.url("")) == []
    async with page.expect_request(busy.url(CSP_REPORTS)):
        await page.evaluate(_FORBIDDEN)
    assert len(watch.complaints) >= 2
    assert {_ELSEWHERE, busy.url(CSP_REPORTS)} <= set(watch.amiss(busy.url("")))
    await asyncio.to_thread(wait_until, lambda: "csp-violation" in caplog.text)


def _cookie(busy: RunningConsole, role: PersonRole) -> SetCookieParam:
    return busy.cookie(role, proved_ms=busy.world.now_ms)
