"""The review desk: what waits for this agency's word, and giving it."""

import asyncio
import re
from hashlib import sha256
from threading import Event
from unittest.mock import patch

from node.app import judgement
from node.judgement import effective
from node.lists.catalogue import report_list
from node.store.accounts.records import PersonRole
from support.agencies import SINGLE
from support.audited import recorded
from support.console import Browser, RunningConsole

_OWN = "fr.example/lists/csam"
_PEER = "nl.example/lists/csam"
_FILE = {"list": _PEER, "index": "2"}
_FILE_PAGE = f"/console/review/file?list={_PEER}&index=2"


async def _shown(browser: Browser) -> dict[str, str]:
    """The file as the form of its page names it, with what was shown of it."""
    found = re.search(r'name="shown" value="(\w+)"', (await browser.get(_FILE_PAGE)).text)
    assert found is not None
    return _FILE | {"shown": found[1]}


async def test_a_file_that_waits_is_shown_with_what_is_missing(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        reply = await browser.get("/console/review")
    assert f"{_PEER}:2" in reply.words
    assert "1 more country" in reply.words
    assert "holds the material" in reply.words
    assert "of these: FR" in reply.words
    assert "6 changes" in reply.words
    assert "Publish now" not in reply.words  # viewers only look


async def test_nobody_waits_while_all_lists_are_judged(busy: RunningConsole) -> None:
    go_on, whole = Event(), effective.judge_all

    def slowly(*args, **named):  # type: ignore[no-untyped-def]
        assert go_on.wait(60)
        return whole(*args, **named)

    busy.world.judge._held = None
    async with busy.as_role(PersonRole.ANALYST) as browser:
        with patch.object(judgement, "judge_all", slowly), patch.object(judgement, "PATIENCE_SECONDS", 0.01):
            reply = await browser.get("/console/review")
            many = await browser.get("/console/review/many?collection=baseline")
            go_on.set()
            await asyncio.to_thread(busy.world.judge.now)
        then = await browser.get("/console/review")
    assert "What waits is being found out" in reply.words
    assert "6 changes" in reply.words  # the rest of the page is there
    assert (many.status, "still being found out" in many.words) == (409, True)
    assert f"{_PEER}:2" in then.words


async def test_filters_narrow_the_queue(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        for query, shown in (
            ("collection=baseline&peer=nl.example&country=NL", True),
            ("collection=national", False),
            ("peer=fr.example", False),
            ("country=FR", False),
        ):
            reply = await browser.get(f"/console/review?{query}")
            assert (f"{_PEER}:2" in reply.words) == shown, query
        beyond = await browser.get("/console/review?from=50")
        assert "There are no more rows" in beyond.words
        assert (await browser.get("/console/review?collection=nothing")).status == 400


async def test_a_file_is_shown_with_its_hashes_shortened(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.get(_FILE_PAGE)
    whole = sha256(SINGLE).hexdigest()
    assert f"{whole[:8]}…" in reply.words
    assert whole[:12] not in reply.text
    assert "Endorse the file" in reply.words
    assert "Dispute the file" in reply.words


async def test_only_analysts_are_offered_a_word(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        reply = await browser.get(_FILE_PAGE)
    assert "Endorse the file" not in reply.words
    assert "Analysts endorse or dispute it." in reply.words


async def test_a_file_that_is_not_there_is_said_to_be_gone(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        assert (await browser.get(f"/console/review/file?list={_PEER}&index=999")).status == 404
        assert (await browser.get(f"/console/review/file?list={_PEER}")).status == 400
        hostile = await browser.get("/console/review/file?list=%3Cimg+src%3Dx%3E&index=1")
        assert hostile.status == 404
        assert "<img" not in hostile.text


async def test_examination_is_stated_on_purpose_and_then_queued(busy: RunningConsole) -> None:
    typed = {
        "to": _OWN,
        "basis": "reviewed",
        "criteria": "3",
        "review_by": "2027-05-01",
        "legality": "nl, fr",
        "query": _FILE_PAGE.partition("?")[2],
    }
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        form = await _shown(browser) | typed | {"csrf": busy.csrf()}
        refused = await browser.post("/console/review/endorse", form)
        assert refused.status == 400
        assert "was examined here" in refused.words
        assert 'value="2027-05-01"' in refused.text
        assert 'value="nl, fr"' in refused.text
        done = await browser.post("/console/review/endorse", form | {"examined": "yes"})
        assert (done.status, done.headers["Location"]) == (303, "/console/review")
        after = await browser.get("/console/review")
        assert f"{_OWN}: 2 entries of this file wait for publication" in after.words
        assert "listed here, not published" in after.words
        assert report_list(busy.world.store, _OWN).waiting == 8
        assert recorded(busy)[-1] == ("entry.endorse", _OWN, "a.analyst")
        assert (await browser.post("/console/review/publish", form | {"list": _OWN})).status == 303
        published = await browser.get("/console/review")
    assert f"{_PEER}:2" not in published.words
    assert "Nothing waits for this agency's word." in published.words


async def test_relying_on_a_peer_takes_no_examination(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        form = await _shown(browser) | {"to": _OWN, "basis": "relies-on", "csrf": busy.csrf()}
        assert (await browser.post("/console/review/endorse", form)).status == 303
        again = await browser.post("/console/review/endorse", form)
        assert again.status == 303
        assert "lists this file already" in (await browser.get("/console/review")).words


async def test_what_cannot_be_endorsed_is_refused_at_the_form(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        right = await _shown(browser) | {
            "to": _OWN,
            "basis": "relies-on",
            "csrf": busy.csrf(),
            "query": f"list={_PEER}&index=2",
        }
        for wrong in (
            {"review_by": "tomorrow"},
            {"legality": "Netherlands"},
            {"criteria": "0"},
            {"basis": "guessed"},
            {"to": _PEER},
            {"to": "fr.example/lists/nothing"},
            {"index": "999"},
            {"shown": ""},
        ):
            reply = await browser.post("/console/review/endorse", right | wrong)
            assert 400 <= reply.status < 500, wrong
            assert "This was not done." in reply.words, wrong
    assert report_list(busy.world.store, _OWN).waiting == 6


async def test_a_file_with_other_hashes_than_the_page_showed_is_not_endorsed(busy: RunningConsole) -> None:
    """Its peer may add some between the look and the click."""
    async with busy.as_role(PersonRole.ANALYST) as browser:
        form = {"to": _OWN, "basis": "relies-on", "csrf": busy.csrf(), "query": _FILE_PAGE.partition("?")[2]}
        shown = await _shown(browser)
        refused = await browser.post("/console/review/endorse", form | shown | {"shown": "0" * 32})
        assert refused.status == 409
        assert f"{_PEER}:2 holds other hashes than the page showed" in refused.words
        assert shown["shown"] in refused.text  # it is shown again, with what it holds now
        assert report_list(busy.world.store, _OWN).waiting == 6
        assert recorded(busy)[-1][0] != "entry.endorse"


async def test_disputing_takes_a_tick_and_blocks_the_whole_file(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        form = _FILE | {"to": _OWN, "reason": "error", "csrf": busy.csrf(), "query": f"list={_PEER}&index=2"}
        refused = await browser.post("/console/review/dispute", form)
        assert refused.status == 400
        assert "at every agency and partner" in refused.words
        done = await browser.post("/console/review/dispute", form | {"sure": "yes"})
        assert done.status == 303
        shown = await browser.get(done.headers["Location"])
    assert "2 hashes will be blocked with the next publication" in shown.words
    assert f"dispute, {_OWN}" in shown.words
    assert recorded(busy)[-1] == ("entry.dispute", _OWN, "a.analyst")


async def test_what_waits_is_published_by_a_button(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.OPERATOR, proved_ms=busy.world.now_ms) as browser:
        reply = await browser.post("/console/review/publish", {"csrf": busy.csrf(), "list": _OWN})
        assert reply.status == 303
        after = await browser.get("/console/review")
    assert f"{_OWN}: 6 changes were published" in after.words
    assert "Changes wait for publication" not in after.words
    assert report_list(busy.world.store, _OWN).waiting == 0
