"""Signing in at another maker's provider of OpenID Connect, in a real browser, across two sites."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from node.clock import SystemClock
from node.config import OidcSettings
from support.browser import axe_async
from support.cheap_node import CheapNode
from support.entrance import Entrance, entrance_in
from support.oidc_provider import oidc_provider
from support.windows import Windows

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_provider() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def entrance(founded: CheapNode, tmp_path: Path, issuer: str) -> AsyncIterator[Entrance]:
    """A console where `alice-at-work` of the provider is Alice."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("of the console: 100%\n")
    oidc = OidcSettings(
        issuer=issuer,
        client_id="console",
        client_secret_file=secret,
        persons={"alice-at-work": "alice", "gone-at-work": "gone"},
    )
    async with entrance_in(founded.copied(tmp_path / "node"), oidc) as running:
        running.clock.moment = SystemClock().now()  # the provider has no other
        running.add_two()
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(opened: Windows) -> AsyncIterator[Page]:
    context = await opened.browser.new_context()
    yield await context.new_page()
    await context.close()


async def authorised(entrance: Entrance, page: Page, name: str) -> None:
    """Sign in at the provider as somebody."""
    await page.goto(entrance.url("/console/tasks"))
    await page.get_by_role("link", name="Sign in at 127.0.0.1").click()
    await page.get_by_placeholder("sub").fill(name)
    await page.get_by_role("button", name="Authorize", exact=True).click()


async def test_who_is_named_comes_in_and_has_proved_nothing(entrance: Entrance, page: Page) -> None:
    await authorised(entrance, page, "alice-at-work")
    await page.wait_for_url(entrance.url("/console/tasks"))
    cookies = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}
    assert cookies.keys() == {"__Host-sigfed", "__Host-sigfed-device"}
    visitor = entrance.visitor(cookies["__Host-sigfed"])
    assert (visitor.person, visitor.proved_ms) == ("alice", 0)
    assert ("alice", "console.sign-in", "alice", "ok") in entrance.recorded()
    await page.goto(entrance.url("/console/persons"))
    await page.get_by_role("button", name="Token for bruno").click()
    await page.wait_for_url(re.compile("/console/prove"))


@pytest.mark.parametrize(
    ("name", "says"), [("mallory-at-work", "this console does not"), ("gone-at-work", "no person gone")]
)
async def test_who_has_no_name_here_does_not(entrance: Entrance, page: Page, name: str, says: str) -> None:
    await authorised(entrance, page, name)
    await page.get_by_role("alert").first.wait_for()
    assert says in await page.inner_text("main")
    assert [by for by, _ in entrance.refused()] == ["oidc"]
    assert await axe_async(page) == []
    assert "__Host-sigfed" not in {cookie["name"] for cookie in await page.context.cookies()}


async def test_who_refuses_there_is_not_in_here(entrance: Entrance, page: Page) -> None:
    await page.goto(entrance.url("/console/sign-in/elsewhere"))
    await page.get_by_role("button", name="Deny").click()
    await page.get_by_role("alert").first.wait_for()
    assert "This was not done." in await page.inner_text("main")
    assert "__Host-sigfed" not in {cookie["name"] for cookie in await page.context.cookies()}


@pytest.mark.threat("a false sign-in")
async def test_a_return_that_was_not_begun_in_this_browser_is_refused(entrance: Entrance) -> None:
    """Somebody has another open the end of his own sign-in: the other would work under his name."""
    async with entrance.browser() as browser:
        led = await browser.get(
            "/console/sign-in/elsewhere?to=//elsewhere.example", Sec_Fetch_Site="same-origin"
        )
        assert led.status == 303
        state = led.headers["Set-Cookie"].split("=")[1].split(";")[0]
        assert f"state={state}" in led.headers["Location"]
        assert "code_challenge_method=S256" in led.headers["Location"]
        for path in (f"/console/sign-in/return?state={state}&code=a", "/console/sign-in/return"):
            refused = await browser.get(path)
            assert refused.status == 401
            assert "not begun in this browser" in refused.words
            assert "Set-Cookie" not in refused.headers
        assert (await browser.post("/console/sign-in", {"answer": "{}"})).status == 401
    counts = entrance.refused_counts()
    assert counts == [("oidc", "1"), ("passkey", "1")], "strangers are recorded together, of each way in"


async def test_nobody_is_signed_in_at_the_wish_of_another_site(entrance: Entrance) -> None:
    """By a link, or a window that another site opens: the person would be signed in as he is there, unasked."""
    async with entrance.browser() as browser:
        for sent in ({"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {}):
            refused = await browser.get("/console/sign-in/elsewhere", Sec_Fetch_Mode="navigate", **sent)
            assert refused.status == 403
            assert "not begun by a page of this console" in refused.words
            assert "Set-Cookie" not in refused.headers
        typed = await browser.get("/console/sign-in/elsewhere", Sec_Fetch_Site="none")
        assert typed.status == 303


async def test_without_a_provider_there_is_no_such_way(founded: CheapNode, tmp_path: Path) -> None:
    async with (
        entrance_in(founded.copied(tmp_path / "node")) as running,
        running.browser() as browser,
    ):
        assert "elsewhere" not in (await browser.get("/console/sign-in")).text
        for path in ("/console/sign-in/elsewhere", "/console/sign-in/return"):
            assert (await browser.get(path)).status == 404
