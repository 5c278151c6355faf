"""Charts: pictures with their numbers below, by days and by months."""

import re

import pytest

from node.store.accounts.records import PersonRole
from support.browser import browsing_async
from support.console import RunningConsole


async def test_what_happened_is_drawn_and_written(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        by_days = await browser.get("/console/charts")
        by_months = await browser.get("/console/charts?by=months")
    hits = by_days.text.split('id="chart-hits"')[1].split("</section>")[0]
    assert 'class="chart"' in hits
    assert len(re.findall(r'<tr><th scope="row">\d{4}-\d\d-\d\d</th>', hits)) == 30
    assert sum(map(int, re.findall(r'<td class="number">(\d+)</td>', hits))) == 4
    assert "Private look-ups are counted by month" in by_days.words
    looked_up = by_months.text.split('id="chart-evaluations"')[1].split("</section>")[0]
    assert (
        sum(int(each.replace(",", "")) for each in re.findall(r'<td class="number">([\d,]+)</td>', looked_up))
        > 0
    )
    assert "style=" not in by_days.text + by_months.text


async def test_of_a_new_node_nothing_is_drawn(console: RunningConsole) -> None:
    async with console.as_role(PersonRole.VIEWER) as browser:
        page = await browser.get("/console/charts?by=months")
        assert page.words.count("Nothing in this time.") == 4
        assert 'class="chart"' not in page.text
        assert (await browser.get("/console/charts?by=weeks")).status == 400


@pytest.mark.usefixtures("with_browser")
async def test_the_pictures_need_no_script(busy: RunningConsole) -> None:
    async with browsing_async() as browser:
        context = await browser.new_context(java_script_enabled=False)
        await context.add_cookies([busy.cookie(PersonRole.VIEWER)])
        page = await context.new_page()
        await page.goto(busy.url("/console/charts"))
        assert await page.locator("svg.chart").first.is_visible()
        assert await page.locator("main script").count() == 0
        await context.close()
