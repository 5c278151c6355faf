"""One hash: what the federation says about it, looking it up, and showing the whole of it."""

import logging
from hashlib import md5, sha256

import pytest

from node.access.grants import Grants
from node.store.accounts.records import PersonRole
from protocol.lists.grant import NOTHING
from support.agencies import BOTH, SINGLE, UNLISTED
from support.audited import audit_text, recorded
from support.console import RunningConsole

_PEER = "nl.example/lists/csam"
_PAGE = f"/console/entry?list={_PEER}&index=2"


async def test_what_the_federation_says_is_on_one_page(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        waits = await browser.get(_PAGE)
        effective = await browser.get("/console/entry?list=fr.example/lists/csam&index=0")
    assert f"Entry {md5(SINGLE).hexdigest()[:8]}…" in waits.words
    assert "1 of 2 needed" in waits.words
    assert "too few countries" in waits.words
    assert "listed" in waits.words.partition("What happened")[2]
    assert f"{sha256(SINGLE).hexdigest()[:8]}…" in waits.words.partition("same file")[2]
    assert "Show the whole hash" not in waits.words
    assert "effective in baseline" in effective.words
    assert "FR, NL" in effective.words
    assert "since release 1" in effective.words


async def test_a_hash_is_looked_up_without_being_in_an_address(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        for typed in (
            md5(BOTH).hexdigest(),
            sha256(BOTH).hexdigest().upper(),
            f"sha256:{sha256(BOTH).hexdigest()}",
        ):
            reply = await browser.post("/console/entry/look-up", {"csrf": busy.csrf(), "hash": typed})
            assert reply.status == 303
            assert reply.headers["Location"].startswith("/console/entry?list=fr.example/lists/csam&index=")
            shown = await browser.get(reply.headers["Location"])
            assert "A list held here has this hash" in shown.words


async def test_a_hash_that_nobody_lists_is_said_so(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.SECURITY) as browser:
        reply = await browser.post(
            "/console/entry/look-up", {"csrf": busy.csrf(), "hash": md5(UNLISTED).hexdigest()}
        )
        assert reply.headers["Location"] == "/console/entry"
        assert "No list held here has this hash" in (await browser.get("/console/entry")).words


@pytest.mark.parametrize(
    "typed", ["", "nothing", "aa" * 15, f"{'ab' * 16}\n{'cd' * 16}"], ids=["0", "1", "2", "3"]
)
async def test_what_is_no_hash_is_refused_at_the_form(busy: RunningConsole, typed: str) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        reply = await browser.post("/console/entry/look-up", {"csrf": busy.csrf(), "hash": typed})
    assert reply.status in {400, 422}
    assert "This was not done." in reply.words
    assert f">{typed}</textarea>" in reply.text.replace("\r", "")


async def test_the_whole_hash_is_shown_once_and_recorded(
    busy: RunningConsole, caplog: pytest.LogCaptureFixture
) -> None:
    whole = md5(SINGLE).hexdigest()
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sigfed")  # whatever a command that ran here before has set
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        assert whole not in (await browser.get(_PAGE)).text
        form = {"csrf": busy.csrf(), "list": _PEER, "index": "2"}
        reply = await browser.post("/console/entry/reveal", form)
        assert reply.status == 303
        assert whole not in reply.headers["Location"]
        assert whole in (await browser.get(reply.headers["Location"])).words
        assert whole not in (await browser.get(reply.headers["Location"])).text
    assert recorded(busy)[-1] == ("entry.reveal", f"{_PEER}:2", "a.analyst")
    assert whole not in audit_text(busy)
    assert whole not in caplog.text


async def test_a_place_without_a_hash_is_none(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        for query, status in (
            (f"list={_PEER}&index=999", 404),
            (f"list={_PEER}&index=-1", 400),
            ("list=elsewhere.example/lists/csam&index=1", 404),
            ("list=fr.example/subsets/baseline&index=0", 404),
            ("index=1", 400),
        ):
            reply = await browser.get(f"/console/entry?{query}")
            assert reply.status == status, query


async def test_who_gets_an_own_entry_is_said_with_why_others_do_not(busy: RunningConsole) -> None:
    grants = Grants(busy.world.store, busy.world.identity.clock)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        page = (await browser.get("/console/entry?list=fr.example/lists/csam&index=0")).words
        assert "Who gets this agency's entries" in page
        assert "nl.example peer fr.example/lists/csam:0 yes" in page
        grants.narrow("nl.example", NOTHING)
        less = (await browser.get("/console/entry?list=fr.example/lists/csam&index=0")).words
        french = await browser.get("/console/entry?list=fr.example/lists/csam&index=0", Accept_Language="fr")
        other = (await browser.get("/console/entry?list=nl.example/lists/csam&index=2")).words
    assert "nl.example peer fr.example/lists/csam:0 no its grant covers nothing" in less
    assert "son droit de lecture ne couvre rien" in french.words
    assert "Who gets this agency's entries" not in other
