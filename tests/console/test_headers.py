"""What surrounds every page: headers, the one address, files, errors that tell nothing, hostile names."""

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from node.console.csp import CONTENT_SECURITY_POLICY
from node.console.handlers import CONSOLE
from node.console.threads import ACTS, ACTS_OF_ONE, MOST, THREADS
from node.errors import RateLimitedError
from node.store.accounts.records import PersonRole
from support.console import RunningConsole


@pytest.mark.parametrize(
    "path", ["/", "/console/", "/console/nowhere", "/console/static/console.css", "/console/static/nothing"]
)
async def test_every_reply_says_what_may_be_done_with_it(console: RunningConsole, path: str) -> None:
    async with console.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.get(path)
    assert reply.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["X-Frame-Options"] == "DENY"
    assert reply.headers["Referrer-Policy"] == "same-origin"
    assert reply.headers["Server"] == "sigfed"


def test_the_policy_lets_nothing_unsafe_in() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "data:" not in CONTENT_SECURITY_POLICY


async def test_a_name_that_only_leads_here_is_not_this_console(console: RunningConsole) -> None:
    async with console.as_role(PersonRole.OPERATOR) as browser:
        for host in ("rebound.example", f"127.0.0.1:{console.server.port}", "localhost"):
            reply = await browser.get("/console/", Host=host)
            assert reply.status == 421, host
            assert console.world.node not in reply.text


async def test_files_are_kept_for_as_long_as_they_are_the_same(console: RunningConsole) -> None:
    async with console.as_nobody() as browser:
        page = await browser.get("/console/nowhere")
        found = page.text.split('<link rel="stylesheet" href="')[1].split('"')[0]
        assert "immutable" in (await browser.get(found)).headers["Cache-Control"]
        other = await browser.get(found.split("?", maxsplit=1)[0] + "?v=old")
        assert other.status == 200
        assert other.headers["Cache-Control"] == "no-cache"
        assert (await browser.get("/console/static/..%2fapp.py")).status == 404
        assert (await browser.get("/console/static/htmx.LICENSE.txt")).status == 404


async def test_pages_are_not_kept(console: RunningConsole) -> None:
    async with console.as_role(PersonRole.ANALYST) as browser:
        assert (await browser.get("/console/")).headers["Cache-Control"] == "no-store"


async def test_an_error_is_a_page_and_tells_a_stranger_nothing(console: RunningConsole) -> None:
    async with console.as_nobody() as browser:
        reply = await browser.get("/console/nowhere")
    assert reply.status == 404
    assert "There is no such thing here" in reply.words
    assert "Traceback" not in reply.text


async def test_a_hostile_name_is_only_text(console: RunningConsole) -> None:
    hostile = '"><img src=x onerror=alert(1)>\u202e'
    console.visitors.inside["hostile"] = dataclasses.replace(
        console.visitors.inside[console.visitors.open(PersonRole.ANALYST)], person=hostile
    )
    async with console.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.get("/console/", Cookie="__Host-sigfed=hostile")
    assert reply.status == 200
    assert "<img" not in reply.text
    assert "\u202e" not in reply.text
    assert "\\u202e" in reply.text


async def test_a_browser_tells_of_what_the_policy_stopped(
    console: RunningConsole, caplog: pytest.LogCaptureFixture
) -> None:
    async with console.as_nobody() as browser:
        reply = await browser.post("/console/csp-report", {"secret": "a value"}, Origin="")
    assert reply.status == 204
    assert "csp-violation" in caplog.text
    assert "a value" not in caplog.text


async def test_many_such_reports_make_one_line_of_the_journal(
    console: RunningConsole, caplog: pytest.LogCaptureFixture
) -> None:
    async with console.as_nobody() as browser:
        for _ in range(50):
            await browser.post("/console/csp-report", b"{}", Origin="")
    assert caplog.text.count("csp-violation") == 1


async def test_a_session_that_looks_at_too_much_is_told_how_long_to_wait(console: RunningConsole) -> None:
    looks = console.server.runner.app[CONSOLE].looks
    async with console.as_role(PersonRole.ANALYST) as browser:
        with suppress(RateLimitedError):
            while True:
                looks.spend(console.csrf())
        reply = await browser.get("/console/")
    assert reply.status == 429
    assert int(reply.headers["Retry-After"]) > 0
    assert "Wait 1 second, then load the page again" in reply.words
    async with console.as_role(PersonRole.ANALYST) as another:
        assert (await another.get("/console/")).status == 200


async def test_a_flood_of_pages_takes_no_thread_of_the_node_and_is_refused(console: RunningConsole) -> None:
    threads, held = console.server.runner.app[CONSOLE].threads, threading.Event()
    flood = [asyncio.create_task(threads.do(held.wait)) for _ in range(MOST)]
    await asyncio.sleep(0)
    try:
        async with console.as_role(PersonRole.ANALYST) as browser:
            reply = await browser.get("/console/")
        assert await asyncio.to_thread(int, "7") == 7, "the node's own work goes on"
    finally:
        held.set()
        await asyncio.gather(*flood)
    assert reply.status == 429
    assert "this console has too much to do just now" in reply.words
    async with console.as_role(PersonRole.ANALYST) as browser:
        assert (await browser.get("/console/")).status == 200


@asynccontextmanager
async def _waiting(console: RunningConsole, *persons: str) -> AsyncIterator[list[asyncio.Task[bool]]]:
    """What these people did waits, as for a peer that does not answer."""
    threads, held = console.server.runner.app[CONSOLE].threads, threading.Event()
    acts = [asyncio.create_task(threads.act(person, held.wait)) for person in persons]
    await asyncio.sleep(0)
    try:
        yield acts
    finally:
        held.set()
        await asyncio.gather(*acts, return_exceptions=True)


async def test_a_person_does_two_things_at_once(console: RunningConsole) -> None:
    form = {"list": "fr.example/lists/none"}
    async with (
        console.as_role(PersonRole.OPERATOR, proved_ms=console.world.now_ms) as browser,
        _waiting(console, *["a.operator"] * ACTS_OF_ONE) as acts,
    ):
        acts[0].cancel()  # whoever goes away leaves the work behind
        await asyncio.sleep(0)
        form["csrf"] = console.csrf()
        refused = await browser.post("/console/publish", form)
        assert (await browser.get("/console/")).status == 200
        async with console.as_role(
            PersonRole.OPERATOR, proved_ms=console.world.now_ms, person="b.operator"
        ) as other:
            done = await other.post("/console/publish", form | {"csrf": console.csrf()})
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "2 things that a.operator asked for are still being done" in refused.words
    assert "nothing was done; wait until one of them is finished" in refused.words
    assert done.status == 404, "there is no such list: it was tried"
    async with console.as_role(PersonRole.OPERATOR, proved_ms=console.world.now_ms) as browser:
        again = await browser.post("/console/publish", form | {"csrf": console.csrf()})
    assert again.status == 404, "they are finished"


async def test_what_people_do_leaves_threads_for_pages(console: RunningConsole) -> None:
    assert ACTS < THREADS
    async with (
        console.as_role(PersonRole.OPERATOR, proved_ms=console.world.now_ms) as browser,
        _waiting(console, *(f"person{number}" for number in range(ACTS))),
    ):
        refused = await browser.post("/console/publish", {"csrf": console.csrf(), "list": "x"})
        page = await browser.get("/console/lists")
    assert refused.status == 429
    assert "things that people asked for are being done, and no more at once" in refused.words
    assert page.status == 200


async def test_whoever_has_no_session_takes_no_thread(console: RunningConsole) -> None:
    threads, held = console.server.runner.app[CONSOLE].threads, threading.Event()
    flood = [asyncio.create_task(threads.do(held.wait)) for _ in range(MOST)]
    await asyncio.sleep(0)
    try:
        async with console.as_nobody() as browser:
            assert (await browser.get("/console/")).status == 303
            assert (await browser.post("/console/publish", {"csrf": ""})).status == 401
    finally:
        held.set()
        await asyncio.gather(*flood)


async def test_what_another_site_embeds_is_not_served(console: RunningConsole) -> None:
    """A page elsewhere that has browsers fetch ours by the hundred must not use up what their people may ask."""
    async with console.as_nobody() as browser:
        for site in ("cross-site", "same-site"):
            for _ in range(50):
                reply = await browser.get("/console/sign-in", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")
                assert reply.status == 403
        led = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
        for place in ("iframe", "frame", "object", "embed", "fencedframe"):
            assert (await browser.get("/console/sign-in", Sec_Fetch_Dest=place, **led)).status == 403, place
        assert (await browser.get("/console/sign-in", Sec_Fetch_Dest="document", **led)).status == 200
        assert (await browser.get("/console/sign-in", **led)).status == 200, "a browser that does not say"
