"""Two persons at two computers, each with a passkey: one asks, the other decides, and never the one who asked."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from support.browser import axe_async, browsing_async
from support.cheap_node import CheapNode
from support.entrance import Entrance, entrance_in
from support.persons import PASS
from support.virtual_passkeys import page_with_passkeys

_CARLA = "a sentence that only Carla knows"


@pytest_asyncio.fixture
async def entrance(founded: CheapNode, tmp_path: Path) -> AsyncIterator[Entrance]:
    async with entrance_in(founded.copied(tmp_path / "node")) as running:
        running.add_two()
        yield running


async def _come_in(browser: Browser, entrance: Entrance, name: str, told: list[str]) -> Page:
    """Somebody's own browser, in which they registered a passkey with their token."""
    context = await browser.new_context()
    page = await page_with_passkeys(context, told)
    await page.goto(entrance.url("/console/welcome"))
    await page.get_by_label("One-time token").fill(entrance.token(name))
    await page.get_by_label("Your name here").fill(name)
    await page.get_by_label("Passphrase", exact=True).fill(PASS[name])
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label("What you call it").fill(f"key of {name}")
    await page.get_by_role("button", name="Make the passkey").click()
    await page.wait_for_url(entrance.url("/console/account"))
    return page


async def _ask_for_carla(page: Page, entrance: Entrance) -> None:
    await page.goto(entrance.url("/console/persons"))
    await page.get_by_label("Name", exact=True).fill("carla")
    await page.get_by_label("Passphrase", exact=True).fill(_CARLA)
    await page.get_by_label("The same passphrase again").first.fill(_CARLA)
    await page.get_by_role("button", name="Ask for approval").first.click()
    await page.get_by_role("status").wait_for()
    assert "Request 1: carla decides here as analyst" in await page.inner_text("[role=status]")


async def _prove(page: Page) -> None:
    """Show the passkey once more, where the console asks for it."""
    await page.wait_for_url(re.compile("/console/prove"))
    await page.get_by_role("button", name="Show my passkey").click()


def _persons(entrance: Entrance) -> set[str]:
    with entrance.world.store.read() as unit:
        return {person.name for person in unit.persons.ls()}


async def test_what_alice_asks_bruno_approves(entrance: Entrance) -> None:
    told: list[str] = []
    async with browsing_async() as browser:
        alice = await _come_in(browser, entrance, "alice", told)
        bruno = await _come_in(browser, entrance, "bruno", told)
        await _ask_for_carla(alice, entrance)
        await alice.goto(entrance.url("/console/tasks"))
        await alice.get_by_role("link", name="Request 1").click()
        words = await alice.inner_text("main")
        assert "You asked for this, so somebody else decides." in words
        assert await alice.get_by_role("button", name="Approve and carry out").count() == 0
        assert await axe_async(alice) == []
        request = alice.url

        entrance.later(minutes=11)
        await bruno.goto(request)
        assert "Asked by\nalice" in await bruno.inner_text("main")
        await bruno.get_by_role("button", name="Approve and carry out").click()
        await _prove(bruno)
        await bruno.wait_for_url(request)
        assert _persons(entrance) == {"alice", "bruno"}, "showing the passkey is not yet approving"
        await bruno.get_by_role("button", name="Approve and carry out").click()
        await bruno.get_by_role("status").wait_for()
        assert _persons(entrance) == {"alice", "bruno", "carla"}
        await alice.goto(request)
        assert "Decided by\nbruno" in await alice.inner_text("main")
    assert told == []
    assert ("bruno", "person.add", "ok") in {(who, what, how) for who, what, _, how in entrance.recorded()}


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_form_of_one_s_own_does_not_decide_one_s_own_request(
    entrance: Entrance, decision: str
) -> None:
    """Alice sends the form that her page does not show, from her own session, freshly proved."""
    async with browsing_async() as browser:
        alice = await _come_in(browser, entrance, "alice", [])
        await _ask_for_carla(alice, entrance)
        await alice.goto(entrance.url("/console/tasks"))
        await alice.get_by_role("link", name="Request 1").click()
        number = alice.url.partition("number=")[2]
        await alice.evaluate(
            """([decision, number]) => {
                const form = document.createElement("form");
                form.method = "post";
                form.action = "/console/tasks/" + decision;
                const csrf = document.querySelector("input[name=csrf]").value;
                const fields = {csrf, number, reason: "mine", query: "number=" + number};
                for (const [name, value] of Object.entries(fields)) {
                    const field = document.createElement("input");
                    Object.assign(field, {type: "hidden", name, value});
                    form.append(field);
                }
                document.body.append(form);
                form.submit();
            }""",
            [decision, number],
        )
        await alice.get_by_role("alert").wait_for()
        assert "This was not done." in await alice.inner_text("main")
    assert _persons(entrance) == {"alice", "bruno"}
