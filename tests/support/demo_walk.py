"""People who come to the consoles of a demonstration for the first time, by what the pages say, in a real browser.

After the address of its console that the command printed, nobody types another; links and buttons lead on.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page

from support.virtual_passkeys import page_with_passkeys
from support.watching import Watch


@asynccontextmanager
async def at_the_door(browser: Browser, url: str) -> AsyncIterator[Page]:
    """A page of a browser that was never here, at the address of a console; afterwards nothing was amiss on it."""
    watch = Watch()
    context = await browser.new_context()
    watch.over(context)
    page = await page_with_passkeys(context, [])
    await page.goto(url)
    yield page
    assert watch.amiss(url[: url.index("/console/")]) == []
    await context.close()


async def come_in(page: Page, person: Mapping[str, str]) -> None:
    """A one-time token and a passphrase become a passkey."""
    await page.get_by_role("link", name="I have a one-time token").click()
    await page.get_by_label("One-time token").fill(person["token"])
    await page.get_by_label("Your name here").fill(person["person"])
    await page.get_by_label("Passphrase", exact=True).fill(person["passphrase"])
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label("What you call it").fill("this machine")
    await page.get_by_role("button", name="Make the passkey").click()
    await page.wait_for_url("**/console/account")


async def go(page: Page, name: str) -> None:
    """Follow an entry of the menu."""
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()


async def endorse(page: Page) -> None:
    """The first file that waits, examined, endorsed and published."""
    await go(page, "Overview")
    await page.get_by_role("link", name="this agency's word").click()
    await page.get_by_role("table").get_by_role("link", name="nl.example/lists/").first.click()
    await page.get_by_label("The file itself was examined here").check()
    await page.get_by_role("button", name="Endorse the file").click()
    await page.get_by_role("status").wait_for()
    await page.get_by_role("button", name="Publish now").first.click()
    await page.get_by_text("partners get what enough countries list with the next release").wait_for()


async def close_hit(page: Page) -> None:
    """A hit whose file its partner removed is dealt with."""
    await go(page, "Hits")
    await page.get_by_role("link", name="All", exact=True).click()
    await page.get_by_role("row").filter(has_text="removed").get_by_role("link").first.click()
    await page.get_by_role("button", name="Close it").click()
    await page.get_by_text("It counts as dealt with.").wait_for()


async def rehearse(page: Page) -> None:
    """The replacement of a key, tried on a scratch copy."""
    await go(page, "Keys")
    await page.get_by_role("link", name="Replace").first.click()
    await (
        page.get_by_role("button", name="Rehearse now")
        .or_(page.get_by_role("link", name="Rehearse now"))
        .click()
    )
    await page.get_by_text("the rehearsal went well").wait_for()


async def resolve_hit(page: Page, token: str) -> None:
    """At the hoster: in by a token alone, and what became of the most urgent file is said."""
    await page.get_by_label("One-time token").fill(token)
    await page.get_by_role("main").get_by_role("button").click()
    await page.get_by_role("link", name="say what became of the files").click()
    await page.get_by_role("table").get_by_role("link").first.click()
    await page.get_by_label("The file was").select_option(label="removed")
    await page.get_by_role("button", name="Record it").click()
    await page.get_by_text("What became of the file is recorded. The agency was told").wait_for()
