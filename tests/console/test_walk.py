"""An analyst's first morning on a telephone, by what the pages say: from the overview to an endorsement and a hit.

Coming in with a token stands in test_passkeys_in_browser.py, replacing a key in test_keyboard.py, two persons in a test
of their own.
"""

import pytest
from playwright.async_api import Page

from node.store.accounts.records import PersonRole
from support.browser import browsing_async
from support.console import RunningConsole


async def _open(page: Page, name: str) -> None:
    """Follow an entry of the menu, which is closed on a telephone."""
    await page.get_by_text("Menu", exact=True).click()
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()


@pytest.mark.usefixtures("with_browser")
async def test_from_the_overview_to_an_endorsement_and_a_closed_hit(busy: RunningConsole) -> None:
    told: list[str] = []
    async with browsing_async() as browser:
        context = await browser.new_context(viewport={"width": 390, "height": 844})
        await context.add_cookies([busy.cookie(PersonRole.ANALYST, proved_ms=busy.world.now_ms)])
        page = await context.new_page()
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("console", lambda message: told.append(message.text))
        busy.world.judge.now()
        await page.goto(busy.url("/console/"))

        await (
            page.get_by_role("link", name="wait for this agency's word")
            .or_(page.get_by_role("link", name="waits for this agency's word"))
            .click()
        )
        await page.get_by_role("link", name="nl.example/lists/csam:").first.click()
        await page.get_by_role("link", name="…").first.click()
        await page.get_by_role("button", name="Show the whole hash").wait_for()
        await page.go_back()
        await page.get_by_label("The file itself was examined here").check()
        await page.get_by_role("button", name="Endorse the file").click()
        await page.get_by_text("of this file wait").or_(page.get_by_text("of this file waits")).wait_for()
        await page.get_by_role("button", name="Publish now").click()
        await page.get_by_text("partners get what enough countries list with the next release").wait_for()

        await _open(page, "Hits")
        await page.get_by_role("link", name="All", exact=True).click()
        row = page.get_by_role("row").filter(has_text="removed")
        await row.get_by_role("link").first.click()
        await page.get_by_text("The partner did its part").wait_for()
        await page.get_by_role("button", name="Close it").click()
        await page.get_by_text("It counts as dealt with.").wait_for()
        await context.close()
    assert told == []
