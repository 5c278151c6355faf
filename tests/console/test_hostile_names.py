"""Names and reasons that somebody wrote to do harm, on the pages that show them, in a real browser."""

import json
from dataclasses import replace

import pytest

from node.app.approvals import open_approvals, reject
from node.clock import DAY_MS
from node.identity.audit import tell
from node.pages.text import visible
from node.store.accounts.records import PasskeyRecord, PersonRole
from node.store.partners.records import InviteRecord
from support.browser import browsing_async
from support.console import RunningConsole

_RUNS = "window.ran = true"
_HOSTILE = {
    "script": f"<script>{_RUNS}</script>",
    "attribute": f'"><img src=x onerror="{_RUNS}"><a href="javascript:{_RUNS}">',
    "template": "{{7*7}}{% raw %}${7*7}{name}%(name)s%s",
    "turned": "safe\u202egpj.exe\u2066\u200f",
    "hebrew": "\u05e9\u05dc\u05d5\u05dd-1,234",
    "emoji": "\U0001f469\u200d\U0001f4bb\U0001f1eb\U0001f1f7",
    "long": "x" * 500,
}
_PAGES = ("", "tasks", "partners", "audit", "account", "members", "members/member?node=nl.example")


def _plant(busy: RunningConsole, number: int, text: str) -> int:
    """Put it wherever somebody else's words are kept; gives the number of a request with it."""
    world = busy.world
    with world.store.write() as unit:
        unit.passkeys.add(
            PasskeyRecord(
                person="alice",
                credential=bytes([number]),
                sealed_key=b"k",
                sign_count=0,
                name=text,
                added_ms=world.now_ms,
            )
        )
        unit.partners.invite(
            InviteRecord(
                invite_id=bytes([number] * 16),
                partner=text,
                subset="baseline",
                sealed_secret=b"s",
                evaluations_per_day=1,
                expires_ms=world.now_ms + DAY_MS,
            ),
            now_ms=world.now_ms,
        )
        unit.peers.note_sync("nl.example", synced_ms=None, outcome=text)
    tell(world.identity, world.store, "hit.close", text, actor="alice", details={"reason": text})
    payload = json.dumps({"partner": "hoster", "evaluations_per_day": 9}).encode()
    approvals = open_approvals(world.identity, world.store)
    first, second = (
        approvals.request("partner.quota", subject=text, payload=payload, by="alice") for _ in range(2)
    )
    reject(world.identity, world.store, first.id, by="bruno", reason=text)
    return second.id


@pytest.mark.usefixtures("with_browser")
async def test_what_somebody_wrote_is_text_and_keeps_its_place(busy: RunningConsole) -> None:
    requests = [_plant(busy, number, text) for number, text in enumerate(_HOSTILE.values())]
    pages = [*_PAGES, *(f"tasks/request?number={request}" for request in requests)]
    told: list[str] = []
    shown = ""
    async with browsing_async() as browser:
        context = await browser.new_context(viewport={"width": 390, "height": 844})
        cookie = busy.cookie(PersonRole.OPERATOR, proved_ms=busy.world.now_ms)
        token = cookie["value"]
        busy.visitors.inside[token] = replace(busy.visitors.inside[token], person="alice")
        await context.add_cookies([cookie])
        page = await context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        for path in pages:
            await page.goto(busy.url(f"/console/{path}"))
            shown += await page.inner_text("main")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390, f"{path} is {wide} wide"
            assert await page.evaluate("window.ran === undefined"), path
            assert await page.locator("main img, main script, main a[href^='javascript:']").count() == 0, path
        await context.close()
    assert told == []
    assert not any(turns in shown for turns in "\u202e\u2066\u200f\u200d"), (
        "nothing turns what stands beside it"
    )
    for name, text in _HOSTILE.items():
        assert visible(text) in shown, f"{name} is shown as it was written"
