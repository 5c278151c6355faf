"""Replacing keys in a browser: planned, rehearsed, signed by a holder elsewhere, taken back, in force."""

import re

import aiohttp
import pytest

from keys.trust.lifecycle import Stage
from node.rotation import proposals
from node.store.accounts.records import PersonRole
from support.console import Browser, Reply, RunningConsole
from support.console_keys import signed_by_holder

_SECURITY = PersonRole.SECURITY


async def _bring_back(browser: Browser, console: RunningConsole, name: str, data: bytes) -> Reply:
    form = aiohttp.FormData()
    form.add_field("csrf", console.csrf())
    form.add_field("proposal", name)
    form.add_field("signed", data, filename=f"{name}.proposal")
    return await browser.post("/console/keys/signed", form)


async def _prepared(browser: Browser, console: RunningConsole, key: str, **fields: str) -> str:
    reply = await browser.post("/console/keys/rotate", {"csrf": console.csrf(), "key": key, **fields})
    assert reply.status == 303, reply.words
    return reply.headers["Location"].partition("#proposal-")[2]


async def test_the_page_says_what_every_key_is_for_and_who_knows_it(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        words = (await browser.get("/console/keys")).words
    for purpose in ("Asking peers auth-1", "Receipts", "Stored data", "Private look-ups baseline"):
        assert purpose in words
    assert "active" in words
    assert "0 of 1 (not yet: nl.example)" in words
    assert "Root 1 is in force until" in words
    assert "Replace" not in words, "who only looks is offered nothing"


@pytest.mark.parametrize("key", ["auth-1", "token-1", "log-lists-csam-1", "statement-1"])
async def test_a_key_is_replaced_by_its_holders_signature(busy: RunningConsole, key: str) -> None:
    before = {each.name for each in busy.world.identity.ring.read()}
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        name = await _prepared(browser, busy, key)
        page = await browser.get("/console/keys")
        assert f"sigfed key sign {name}.proposal --keys FOLDER" in page.words
        assert "waits for holders" in page.words
        file = await browser.get(f"/console/keys/proposal?name={name}")
        assert file.headers["Content-Disposition"] == f'attachment; filename="{name}.proposal"'
        back = await _bring_back(browser, busy, name, signed_by_holder(busy.world, file.text.encode()))
        assert back.status == 303, back.words
        assert "signed by everybody who must" in (await browser.get("/console/keys")).words
        done = await browser.post("/console/keys/publish", {"csrf": busy.csrf(), "proposal": name})
        assert done.status == 303, done.words
        said = (await browser.get("/console/keys")).words
        assert f"Proposal {name} is in force." in said
    ring = {each.name: each for each in busy.world.identity.ring.read()}
    [successor] = [
        each
        for each in ring.values()
        if each.name not in before and each.managed.lineage == ring[key].managed.lineage
    ]
    assert successor.stage in {Stage.PUBLISHED, Stage.ACTIVE}
    assert ring[key].managed.valid.end < successor.managed.valid.end
    assert proposals.ls(busy.world.identity.home) == []


async def test_stored_data_gets_another_key_without_holders(busy: RunningConsole) -> None:
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        assert await _prepared(browser, busy, "storage-1") == ""
        assert "storage-2 is active" in (await browser.get("/console/keys")).words


async def test_a_certificate_that_is_pinned_already_begins_without_holders(busy: RunningConsole) -> None:
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        assert await _prepared(browser, busy, "tls-1") == ""
        assert "tls-2 is published" in (await browser.get("/console/keys")).words


async def test_the_next_root_is_prepared_signed_and_put_in_force(busy: RunningConsole) -> None:
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        reply = await browser.post("/console/keys/next-root", {"csrf": busy.csrf()})
        name = reply.headers["Location"].partition("#proposal-")[2]
        assert name == "next-root-1"
        file = await browser.get(f"/console/keys/proposal?name={name}")
        await _bring_back(browser, busy, name, signed_by_holder(busy.world, file.text.encode()))
        await browser.post("/console/keys/publish", {"csrf": busy.csrf(), "proposal": name})
        assert "Root 2 is in force" in (await browser.get("/console/keys")).words


async def test_a_rehearsal_is_shown_and_changes_nothing(busy: RunningConsole) -> None:
    trust = busy.world.identity.home.trust
    before = {path.name: path.read_bytes() for path in trust.iterdir() if path.is_file()}
    async with busy.as_role(_SECURITY) as browser:
        plan = await browser.get("/console/keys/rotate?key=auth-1")
        assert "Rehearse now" in plan.words
        assert "1 peer takes note of it at its next sync" in plan.words
        words = (await browser.get("/console/keys/rotate?key=auth-1&rehearse=yes")).words
    assert "the rehearsal went well" in words
    assert words.count("client followed") >= 4
    assert {path.name: path.read_bytes() for path in trust.iterdir() if path.is_file()} == before


async def test_what_comes_back_must_be_what_went_out(busy: RunningConsole) -> None:
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        name = await _prepared(browser, busy, "auth-1")
        other = await _prepared(browser, busy, "token-1")
        file = await browser.get(f"/console/keys/proposal?name={other}")
        wrong = await _bring_back(browser, busy, name, signed_by_holder(busy.world, file.text.encode()))
        assert wrong.status == 409
        assert "another proposal than the one that waits here" in wrong.words
        for data in (b"", b"{}", b"\xff\xfe", b"[]"):
            reply = await _bring_back(browser, busy, name, data)
            assert reply.status in {400, 422}, data
            assert "This was not done." in reply.words
        early = await browser.post("/console/keys/publish", {"csrf": busy.csrf(), "proposal": name})
        assert 400 <= early.status < 500
        assert re.search(r"\d of \d", early.words)
        gone = await browser.post("/console/keys/discard", {"csrf": busy.csrf(), "proposal": other})
        assert gone.status == 303
        assert f"Proposal {other} was thrown away" in (await browser.get("/console/keys")).words


@pytest.mark.parametrize(
    ("path", "form", "says"),
    [
        ("/console/keys/rotate", {"key": "auth-1", "at": "tomorrow"}, "a day is written YYYY-MM-DD"),
        ("/console/keys/rotate", {"key": "auth-1", "at": "2020-01-01"}, "cannot begin in the past"),
        ("/console/keys/rotate", {"key": "snapshot-1"}, "named by the root"),
        ("/console/keys/publish", {"proposal": "../ring"}, "this is no name of a proposal"),
        ("/console/keys/publish", {"proposal": "nothing"}, "does not exist"),
        ("/console/keys/allow", {"key": "auth-1"}, "it waits for nobody"),
    ],
)
async def test_what_makes_no_sense_is_said_at_the_form(
    busy: RunningConsole, path: str, form: dict[str, str], says: str
) -> None:
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        reply = await browser.post(path, {"csrf": busy.csrf(), "query": "key=auth-1", **form})
    assert 400 <= reply.status < 500
    assert says in reply.words


async def test_a_key_may_begin_without_a_peer_that_is_switched_off(busy: RunningConsole) -> None:
    async with busy.as_role(_SECURITY, proved_ms=busy.world.now_ms) as browser:
        name = await _prepared(browser, busy, "auth-1")
        file = await browser.get(f"/console/keys/proposal?name={name}")
        await _bring_back(browser, busy, name, signed_by_holder(busy.world, file.text.encode()))
        await browser.post("/console/keys/publish", {"csrf": busy.csrf(), "proposal": name})
        said = (await browser.get("/console/keys")).words
        assert "Let it begin auth-4" in said
        done = await browser.post("/console/keys/allow", {"csrf": busy.csrf(), "key": "auth-4"})
        assert done.status == 303
    key = next(each for each in busy.world.identity.ring.read() if each.name == "auth-4")
    assert (key.stage, key.allowed_by) == (Stage.ACTIVE, "a.security")
