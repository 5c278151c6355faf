"""Replacing a key with the keyboard alone: every step is reached by Tab and taken by Enter or Space."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import FileChooser, Page

from node.store.accounts.records import PersonRole
from support.browser import browsing_async
from support.console import RunningConsole
from support.console_keys import signed_by_holder

_MOST_TABS = 120


async def _tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called `name`."""
    for _ in range(_MOST_TABS):
        await page.keyboard.press("Tab")
        found = await page.evaluate(
            "(() => { const e = document.activeElement;"
            " return (e.labels && e.labels[0] ? e.labels[0].innerText : e.textContent || '').trim(); })()"
        )
        if str(found) == name:
            shown = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert shown != "none", f"whoever tabs cannot see that {name} has the focus"
            return
    raise AssertionError(f"{name} cannot be reached by the keyboard")


@pytest.mark.usefixtures("with_browser")
async def test_a_key_is_replaced_without_a_mouse(busy: RunningConsole, tmp_path: Path) -> None:
    async with browsing_async() as browser:
        context = await browser.new_context()
        await context.add_cookies([busy.cookie(PersonRole.SECURITY, proved_ms=busy.world.now_ms)])
        page = await context.new_page()
        choosers = asyncio.Queue[FileChooser]()
        page.on("filechooser", choosers.put_nowait)  # from the start: the browser hears of it in its own time
        await page.goto(busy.url("/console/"))
        await _tab_to(page, "To the content")
        await _tab_to(page, "Keys")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/keys")
        await _tab_to(page, "Replace auth-1")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/keys/rotate?key=auth-1")
        await _tab_to(page, "Rehearse now")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**rehearse=yes#rehearsed")
        assert "the rehearsal went well" in await page.inner_text("main")
        await _tab_to(page, "Make the new key")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/keys#proposal-*")
        await _tab_to(page, "Take the file")
        async with page.expect_download() as taken:
            await page.keyboard.press("Enter")
        file = tmp_path / "signed"
        await (await taken.value).save_as(file)
        file.write_bytes(signed_by_holder(busy.world, file.read_bytes()))
        await _tab_to(page, "Signed file of rotate-auth-1-1")
        await page.keyboard.press("Enter")
        await (await asyncio.wait_for(choosers.get(), 120)).set_files(file)
        await _tab_to(page, "Hand in the signed file")
        await page.keyboard.press("Enter")
        await page.get_by_text("is signed by everybody who must").wait_for()
        await _tab_to(page, "Put it in force")
        await page.keyboard.press("Enter")
        await page.get_by_text("Proposal rotate-auth-1-1 is in force.").wait_for()
        await context.close()
