"""Withdrawals, how far they are, what was shredded and who still has it, and two persons who let it be listed again."""

from hashlib import md5, sha256

import pytest

from node.app.approvals import open_approvals
from node.audit.reader import read_audit
from node.console.pages.entries import recalls
from node.store.accounts.records import PersonRole
from protocol.digest import Algorithm, Digest
from support.agencies import BOTH, SINGLE
from support.audited import audit_text, recorded
from support.console import RunningConsole

_OWN = "fr.example/lists/csam"
_PEER = "nl.example/lists/csam"
_PAGE = "/console/withdrawals"
_BOTH = (
    Digest(Algorithm.SHA256, sha256(BOTH).digest()),
    Digest(Algorithm.MD5, md5(BOTH, usedforsecurity=False).digest()),
)


def _shredded(busy: RunningConsole) -> set[bytes]:
    with busy.world.store.read() as unit:
        return {each.mac for each in unit.tombstones.ls()}


async def _withdraw(busy: RunningConsole, index: int, **more: str) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        form = {"list": _OWN, "index": str(index), "reason": "other", "csrf": busy.csrf()} | more
        assert (await browser.post("/console/entry/withdraw", form)).status == 303


async def _approve(busy: RunningConsole, number: int) -> None:
    async with busy.as_role(PersonRole.OPERATOR, proved_ms=busy.world.now_ms, person="bruno") as browser:
        form = {"csrf": busy.csrf(), "number": str(number)}
        assert (await browser.post("/console/tasks/approve", form)).status == 303


async def _shred(busy: RunningConsole, index: int) -> None:
    """As two persons do it."""
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms, person="alice") as browser:
        form = {"list": _OWN, "index": str(index), "reason": "error", "csrf": busy.csrf()}
        assert (await browser.post("/console/entry/shred", form)).status == 303
    await _approve(busy, open_approvals(busy.world.identity, busy.world.store).ls()[-1].id)


async def test_a_withdrawal_is_followed_to_every_peer(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        assert "This agency withdrew nothing yet." in (await browser.get(f"{_PAGE}?view=all")).words
    await _withdraw(busy, 0)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        waiting = await browser.get(_PAGE)
        assert "not applied everywhere (1)" in waiting.words
        assert f"{_OWN} " in waiting.words
        assert "nl.example : holds it not yet ; releases without it not yet" in waiting.words
        overview = await browser.get("/console/")
    assert "withdrawal is not applied everywhere yet" in overview.words
    assert _PAGE in overview.text


async def test_withdrawals_are_read_a_page_at_a_time(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalls, "ROWS", 1)
    await _withdraw(busy, 0, now="yes")
    await _withdraw(busy, 6)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        newest = await browser.get(_PAGE)
        older = await browser.get(f"{_PAGE}?view=open&from=1")
        beyond = await browser.get(f"{_PAGE}?view=open&from=2")
        assert (await browser.get(f"{_PAGE}?view=nonsense")).status == 400
    assert 'href="?view=open&amp;from=1" rel="next"' in newest.text
    assert newest.words.count("holds it") == older.words.count("holds it") == 1
    assert "There are no more rows." in beyond.words


async def test_what_was_shredded_tells_who_still_has_it(busy: RunningConsole) -> None:
    await _shred(busy, 0)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        shown = await browser.get(f"{_PAGE}?view=shredded")
        assert "Let a shredded hash" not in shown.words  # viewers only look
    assert f"{_OWN}:0" in shown.words
    assert f"{_PEER} still lists it" in shown.words
    assert sha256(BOTH).hexdigest()[:12] not in shown.text


async def test_two_persons_let_a_shredded_hash_be_listed_again(busy: RunningConsole) -> None:
    await _shred(busy, 0)
    whole = sha256(BOTH).hexdigest()
    weak = md5(BOTH, usedforsecurity=False).hexdigest()
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms, person="alice") as browser:
        form = {"csrf": busy.csrf(), "hash": f"{whole}\n{whole}\n{weak}"}
        asked = await browser.post(f"{_PAGE}/readmit", form)
        assert asked.status == 303
        assert "waits for a second person" in (await browser.get(asked.headers["Location"])).words
    assert recorded(busy)[-1] == ("entry.readmit", "", "alice")
    assert [*read_audit(busy.world.store)][-1].record.details["hashes"] == "2"
    assert whole not in audit_text(busy)
    request = open_approvals(busy.world.identity, busy.world.store).ls()[-1]
    assert request.kind == "entry.readmit"
    assert request.subject == f"2 hashes, shredded as {_OWN}:0, {_OWN}:1"
    async with busy.as_role(PersonRole.OPERATOR, person="bruno") as browser:
        looked = await browser.get(f"/console/tasks/request?number={request.id}")
        assert f"let what was shredded be listed here again: {request.subject}" in looked.words
        assert "delete for ever" not in looked.words
        assert f"2 entries that it is about {_OWN}:0 {_OWN}:1" in looked.words
        assert f'href="{_PAGE}?view=shredded">Look at what it is about' in looked.text
    before = _shredded(busy)
    await _approve(busy, request.id)
    mac_of = busy.world.store.vault.tombstone_of
    assert before - _shredded(busy) == {mac_of(digest) for digest in _BOTH}
    assert recorded(busy)[-1] == ("entry.readmit", request.subject, "bruno")


async def test_who_is_asked_to_shred_is_led_to_the_entry(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms, person="alice") as browser:
        form = {"list": _OWN, "index": "0", "reason": "error", "csrf": busy.csrf()}
        asked = await browser.post("/console/entry/shred", form)
        looked = await browser.get(asked.headers["Location"])
    assert "delete for ever, at every node" in looked.words
    assert f'href="/console/entry?list={_OWN}&amp;index=0">Look at what it is about' in looked.text
    await _approve(busy, open_approvals(busy.world.identity, busy.world.store).ls()[-1].id)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        after = await browser.get(asked.headers["Location"])
    assert f"{_OWN}:0" in after.words
    assert "Look at what it is about" not in after.words  # there is no page of it any more


@pytest.mark.parametrize(
    "typed",
    ["", "nonsense", sha256(SINGLE).hexdigest(), "<img src=x>"],
    ids=["nothing", "no hash", "never shredded", "markup"],
)
async def test_only_what_was_shredded_is_asked_for(busy: RunningConsole, typed: str) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms, person="alice") as browser:
        before = len(open_approvals(busy.world.identity, busy.world.store).ls())
        reply = await browser.post(f"{_PAGE}/readmit", {"csrf": busy.csrf(), "hash": typed})
    assert 400 <= reply.status < 500
    assert "<img" not in reply.text
    assert len(open_approvals(busy.world.identity, busy.world.store).ls()) == before
