"""Charts: pictures with their numbers below, by days and by months; with script one looks at them closely."""

import json
import re
from html import unescape

from playwright.async_api import Locator, expect

from node.ports.persons import PersonRole
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


async def test_a_script_is_given_what_the_table_says(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        text = (await browser.get("/console/charts")).text
    hits = text.split('id="chart-hits"')[1].split("</section>")[0]
    found = re.search(r'data-plot="([^"]+)"', hits)
    assert found is not None
    plot = json.loads(unescape(found[1]))
    rows = re.findall(r'<tr><th scope="row">([^<]+)</th><td class="number">([^<]+)</td>', hits)
    assert list(zip(plot["names"], plot["series"][0]["shown"], strict=True)) == rows[::-1]
    assert [str(value) for value in plot["series"][0]["values"]] == plot["series"][0]["shown"]


async def _names(legend: Locator, day: str, hits: str) -> None:
    """Wait until the legend says this: the browser writes it when it next draws, which may be late."""
    await expect(legend).to_have_text(["Day", day, "hits", hits])


async def test_a_chart_is_looked_at_closely_by_keyboard_and_pointer(busy: RunningConsole) -> None:
    told: list[str] = []
    async with browsing_async() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        await context.add_cookies([busy.cookie(PersonRole.VIEWER)])
        page = await context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        await page.goto(busy.url("/console/charts"))
        hits = page.locator("section", has=page.locator("#chart-hits"))
        today = (await hits.locator("details th[scope=row]").all_text_contents())[0]
        legend = page.locator("#chart-hits ~ div").locator(".u-label, .u-value")
        await _names(legend, today, "4")  # the newest, before anything is pointed at
        await expect(hits.locator("svg.chart")).to_be_hidden()

        chart = hits.get_by_role("group", name="Hits")
        await chart.press("ArrowLeft")
        days = await hits.locator("details th[scope=row]").all_text_contents()
        await expect(hits.locator("output")).to_have_text(f"{days[1]}, hits: 0")
        await _names(legend, days[1], "0")
        await chart.press("Home")
        await _names(legend, days[-1], "0")

        await page.emulate_media(color_scheme="dark")
        await expect(hits.locator("canvas")).to_have_count(1)
        await hits.get_by_role("button", name="Closer").click()
        box = await hits.locator(".u-over").bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 5, box["y"] + 20)
        await _names(legend, days[22], "0")  # half of the days are on it
        await page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 20)
        await _names(legend, days[7], "0")
        await hits.get_by_role("button", name="Everything").click()
        await page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 20)
        await _names(legend, today, "4")

        await page.emulate_media(media="print")
        await expect(hits.locator("svg.chart")).to_be_visible()
        await context.close()
    assert told == []


async def test_without_script_the_pictures_stand(busy: RunningConsole) -> None:
    async with browsing_async() as browser:
        context = await browser.new_context(java_script_enabled=False)
        await context.add_cookies([busy.cookie(PersonRole.VIEWER)])
        page = await context.new_page()
        await page.goto(busy.url("/console/charts"))
        assert await page.locator("svg.chart").first.is_visible()
        assert not await page.get_by_role("button", name="Closer").first.is_visible()
        assert not await page.locator("#plot-hint").is_visible()
        await context.close()
