"""Passkeys as a browser makes and shows them: Chromium with an authenticator of its own that recognises everybody."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import BrowserContext

from node.web.server import serve
from support.browser import axe_async
from support.cheap_node import CheapNode
from support.entrance import Entrance, entrance_in
from support.persons import PASS
from support.virtual_passkeys import page_with_passkeys
from support.windows import Windows

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def entrance(founded: CheapNode, tmp_path: Path) -> AsyncIterator[Entrance]:
    async with entrance_in(founded.copied(tmp_path / "node")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def context(opened: Windows) -> AsyncIterator[BrowserContext]:
    context = await opened.browser.new_context()
    yield context
    await context.close()


async def test_from_a_token_to_a_grave_action_with_one_passkey(
    entrance: Entrance, context: BrowserContext
) -> None:
    """Register with a token, sign out and in again, come to a grave action, show the passkey once more."""
    entrance.add_two()
    told: list[str] = []
    page = await page_with_passkeys(context, told)

    await page.goto(entrance.url("/console/persons"))
    assert page.url == entrance.url("/console/sign-in?to=/console/persons")
    assert await axe_async(page) == []
    await page.get_by_role("link", name="I have a one-time token").click()
    assert await axe_async(page) == []
    await page.get_by_label("One-time token").fill(entrance.token("alice").lower())
    await page.get_by_label("Your name here").fill("alice")
    await page.get_by_label("Passphrase", exact=True).fill(PASS["alice"])
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label("What you call it").fill("blue key")
    assert await axe_async(page) == []
    await page.get_by_role("button", name="Make the passkey").click()
    await page.wait_for_url(entrance.url("/console/account"))
    assert "blue key" in await page.inner_text("main")

    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(entrance.url("/console/sign-in"))
    await page.goto(entrance.url("/console/persons"))
    await page.get_by_role("button", name="Show my passkey").click()
    await page.wait_for_url(entrance.url("/console/persons"))

    entrance.later(minutes=11)
    await page.get_by_role("button", name="Token for bruno").click()
    await page.wait_for_url(re.compile("/console/prove"))
    assert await axe_async(page) == []
    await page.get_by_role("button", name="Show my passkey").click()
    await page.wait_for_url(entrance.url("/console/persons"))
    await page.get_by_role("button", name="Token for bruno").click()
    await page.get_by_role("status").wait_for()
    assert "The token of bruno: " in await page.inner_text("[role=status]")
    assert told == []
    cookies = await context.cookies()
    assert {(one["name"], one["httpOnly"], one["secure"], one["sameSite"]) for one in cookies} == {
        ("__Host-sigfed", True, True, "Strict"),
        ("__Host-sigfed-device", True, True, "Lax"),
    }


async def test_a_page_that_was_left_leads_to_signing_in(entrance: Entrance, context: BrowserContext) -> None:
    """It refreshes itself all the while, and half an hour later shows nothing to whoever comes by."""
    entrance.add_two()
    token = await entrance.registered("alice", entrance.authenticator())
    await context.add_cookies(
        [{"name": "__Host-sigfed", "value": token, "url": f"https://{entrance.authority}/", "secure": True}]
    )
    page = await context.new_page()
    await page.clock.install()
    await page.goto(entrance.url("/console/tasks"))
    for _ in range(2):
        entrance.later(minutes=14)
        async with page.expect_response("**/console/tasks") as refreshed:
            await page.clock.run_for(31_000)
        assert (await refreshed.value).status == 200
    entrance.later(minutes=2)
    await page.clock.run_for(31_000)
    await page.get_by_role("button", name="Show my passkey").wait_for()
    assert "/console/sign-in?to=" in page.url


async def test_who_has_no_passkey_here_is_told(entrance: Entrance, context: BrowserContext) -> None:
    entrance.add_two()
    page = await page_with_passkeys(context, [])
    await page.goto(entrance.url("/console/sign-in"))
    await page.get_by_role("button", name="Show my passkey").click()
    await page.get_by_role("alert").wait_for(state="visible")
    assert "No passkey was shown." in await page.inner_text("main")
    assert await page.get_by_role("button", name="Show my passkey").is_enabled()
    assert await axe_async(page) == []


async def test_signing_in_by_keyboard_alone(entrance: Entrance, context: BrowserContext) -> None:
    """The first two name themselves, and come in again with four keys."""
    told: list[str] = []
    page = await page_with_passkeys(context, told)
    await page.goto(entrance.url("/console/welcome"))
    await page.get_by_label("One-time token").focus()
    for text in (entrance.token(), "alice", PASS["alice"], PASS["alice"]):
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_label("What you call it").focus()
    await page.keyboard.type("my computer")
    await page.keyboard.press("Enter")
    await page.wait_for_url(entrance.url("/console/account"))
    assert "You are alice, operator." in await page.inner_text("main")
    await page.get_by_role("button", name="Sign out").press("Enter")
    await page.wait_for_url(entrance.url("/console/sign-in"))
    await page.get_by_role("button", name="Show my passkey").press("Enter")
    await page.wait_for_url(entrance.url("/console/"))
    assert told == []


async def test_without_script_the_pages_say_what_is_missing(entrance: Entrance, opened: Windows) -> None:
    context = await opened.browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(entrance.url("/console/sign-in"))
    assert "Passkeys take a script" in await page.inner_text("main")
    await context.close()


@asynccontextmanager
async def _elsewhere() -> AsyncIterator[tuple[int, list[str]]]:
    """Another program on this machine: its port, and the cookies that browsers send it."""
    sent: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        sent.append(request.headers.get("Cookie", ""))
        return web.Response(text="<p>another program</p>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
    server = await serve(app, ssl_context=None, host="127.0.0.1", port=0, drain_seconds=1)
    try:
        yield server.port, sent
    finally:
        await server.stop()


async def test_a_name_of_its_own_keeps_the_session_from_other_programs_of_the_machine(
    founded: CheapNode, tmp_path: Path, context: BrowserContext
) -> None:
    """Cookies know no ports: whatever else is on the console's name is sent them, what is on another is not."""
    node = founded.copied(tmp_path / "node")
    async with entrance_in(node, name="sigfed.localhost") as entrance, _elsewhere() as (port, sent):
        entrance.add_two()
        told: list[str] = []
        page = await page_with_passkeys(context, told)
        await page.goto(entrance.url("/console/welcome"))
        await page.get_by_label("One-time token").fill(entrance.token("alice"))
        await page.get_by_label("Your name here").fill("alice")
        await page.get_by_label("Passphrase", exact=True).fill(PASS["alice"])
        await page.get_by_role("button", name="Go on").click()
        await page.get_by_label("What you call it").fill("blue key")
        await page.get_by_role("button", name="Make the passkey").click()
        await page.wait_for_url(entrance.url("/console/account"))
        assert told == []
        other = await context.new_page()
        for name in ("localhost", "127.0.0.1", "sigfed.localhost"):
            await other.goto(f"http://{name}:{port}/")
    assert ["__Host-sigfed=" in each for each in sent] == [False, False, True]
