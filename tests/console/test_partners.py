"""Partners: what they used, inviting with a string that is shown once, quotas by one and by two persons, suspending."""

import re
from dataclasses import replace
from typing import NoReturn

import pytest

from node.app.approvals import open_approvals
from node.audit.reader import read_audit
from node.console.pages.partners.partners import ROWS
from node.console.pages.partners.qr import qr
from node.errors import StoreDownError
from node.store.accounts.records import PersonRole
from node.store.partners.records import InviteRecord, PartnerRecord
from node.store.subsets.subsets import SubsetRows
from support.console import Browser, RunningConsole
from support.disclosed import take_in_pictures
from support.records import partner_record

_ONE = "/console/partners/partner?name=hoster"


def _operator(busy: RunningConsole) -> Browser:
    return busy.as_role(PersonRole.OPERATOR, person="alice", proved_ms=busy.world.now_ms)


def _hoster(busy: RunningConsole) -> PartnerRecord:
    with busy.world.store.read() as unit:
        return unit.partners.get("hoster")


async def test_a_partner_is_shown_with_what_it_used(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        every = (await browser.get("/console/partners")).words
        one = await browser.get(_ONE)
    assert "Enrolled: 1." in every
    assert "hoster baseline" in every
    assert re.search(r"Evaluations left today [\d,]+ / 16,384", one.words)
    assert "Disclosed look-ups none allowed" in one.words
    assert "<form method" not in one.text.split("<main")[1]


async def test_the_release_that_a_partner_fetched_is_shown_with_its_age(busy: RunningConsole) -> None:
    """The partner of the fixture enrolled over HTTP, and fetched release 1 so."""
    world = busy.world
    async with busy.as_role(PersonRole.VIEWER) as browser:
        one, every = (await browser.get(_ONE)).words, (await browser.get("/console/partners")).words
        assert "Fetched last release 1, " in one
        assert "not the newest" not in one
        assert "1 / 1 (made " in every
        with world.store.write() as unit:
            unit.releases.add(replace(unit.releases.get("baseline", 1), version=2))
            unit.fetched.put("hoster", "baseline", 1, now_ms=world.now_ms + 1)
            unit.partners.add(replace(unit.partners.get("hoster"), name="newcomer", auth_key=b"n" * 32))
        assert "not the newest" in (await browser.get(_ONE)).words
        newcomer = await browser.get(_ONE.replace("hoster", "newcomer"))
        assert "Fetched last not known" in newcomer.words
        assert "1 / 2 (made " in (await browser.get("/console/partners")).words


async def test_a_thousand_partners_are_paged_and_searched(busy: RunningConsole) -> None:
    with busy.world.store.write() as unit:
        for number in range(1000):
            unit.partners.add(partner_record(name=f"p-{number:04}%", auth_key=number.to_bytes(32), key_ms=1))
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        first = await browser.get("/console/partners")
        assert len(re.findall("partners/partner.name=", first.text)) == ROWS
        [following] = re.findall(r'<a href="\?([^"]*)" rel="next"', first.text)
        second = await browser.get(f"/console/partners?{following.replace('&amp;', '&')}")
        assert "p-0048%" in first.words
        assert "p-0049%" in second.words
        found = await browser.get("/console/partners?part=-0777%25")
        assert re.findall(r"p-\d+", found.words) == ["p-0777"]
        assert "No partner has that in its name" in (await browser.get("/console/partners?part=_x")).words


async def test_open_invitations_are_searched_and_no_more_than_a_page_is_read(busy: RunningConsole) -> None:
    with busy.world.store.write() as unit:
        for number in range(2 * ROWS):
            made = InviteRecord(
                invite_id=number.to_bytes(16),
                partner=f"i-{number:04}",
                subset="baseline",
                sealed_secret=b"",
                evaluations_per_day=16_384,
                expires_ms=busy.world.now_ms + 1,
            )
            unit.partners.invite(made, now_ms=busy.world.now_ms)
        for number in range(0, 2 * ROWS, 4):
            unit.partners.use_up(number.to_bytes(16), now_ms=busy.world.now_ms)
    shown = [f"i-{number:04}" for number in range(2 * ROWS) if number % 4]
    with busy.world.store.read() as unit:
        assert [one.partner for one in unit.partners.open_invitations()] == shown
        assert [one.partner for one in unit.partners.open_invitations("-00", limit=3)] == shown[:3]
        assert [*unit.partners.open_invitations("_00")] == []
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        first = await browser.get("/console/partners")
        assert re.findall(r"i-\d{4}", first.words) == shown[:ROWS]
        assert "There are more" in first.words
        found = await browser.get(f"/console/partners?part={shown[-1]}")
        assert re.findall(r"i-\d{4}", found.words) == shown[-1:]
        assert "There are more" not in found.words


def _gone(_rows: SubsetRows) -> NoReturn:
    raise StoreDownError("the database is gone")


async def test_an_invitation_is_shown_once(busy: RunningConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    form = {"name": "new-hoster", "subset": "baseline", "files_per_day": "5000"}
    async with _operator(busy) as browser:
        with monkeypatch.context() as patched:
            patched.setattr(SubsetRows, "ls", _gone)
            reply = await browser.post("/console/partners/invite", {"csrf": busy.csrf(), **form})
            assert (reply.status, reply.headers["Location"]) == (303, "/console/partners/invited")
            assert (await browser.get("/console/partners/invited")).status == 503
        shown = await browser.get("/console/partners/invited")
        [text] = re.findall(r"<textarea[^>]*>([^<]+)</textarea>", shown.text)
        again = await browser.get("/console/partners/invited")
        listed = await browser.get("/console/partners")
    assert '<svg class="qr"' in shown.text
    assert "style=" not in shown.text
    assert "sigfed enroll" in shown.words
    assert "is shown once, and was shown" in again.words
    assert text not in again.text
    assert "new-hoster" in listed.words
    newest = list(read_audit(busy.world.store))[-1].record
    assert (newest.action, newest.subject) == ("partner.invite", "new-hoster")
    assert text not in str(newest)


async def test_another_session_does_not_get_it(busy: RunningConsole) -> None:
    form = {"name": "new-hoster", "subset": "baseline", "files_per_day": "5000"}
    async with _operator(busy) as browser:
        await browser.post("/console/partners/invite", {"csrf": busy.csrf(), **form})
    async with _operator(busy) as other:
        assert "is shown once, and was shown" in (await other.get("/console/partners/invited")).words


async def test_an_invitation_is_made_void(busy: RunningConsole) -> None:
    form = {"name": "new-hoster", "subset": "baseline", "files_per_day": "5000"}
    async with _operator(busy) as browser:
        await browser.post("/console/partners/invite", {"csrf": busy.csrf(), **form})
        refused = await browser.post("/console/partners/invite", {"csrf": busy.csrf(), **form})
        assert "was invited already" in refused.words
        assert 'value="new-hoster"' in refused.text
        void = {"csrf": busy.csrf(), "name": "new-hoster"}
        reply = await browser.post("/console/partners/partner/suspend", void)
        led = await browser.get(reply.headers["Location"])
    assert led.status == 200
    assert "The invitation of new-hoster is void" in led.words


async def test_more_takes_two_and_less_takes_one(busy: RunningConsole) -> None:
    held = _hoster(busy).evaluations_per_day
    async with _operator(busy) as browser:
        more = {"csrf": busy.csrf(), "name": "hoster", "files_per_day": "90000000"}
        assert (await browser.post("/console/partners/partner/quota", more)).status == 303
        assert "waits for a second person" in (await browser.get(_ONE)).words
        assert _hoster(busy).evaluations_per_day == held
        less = {"csrf": busy.csrf(), "name": "hoster", "files_per_day": "10"}
        assert (await browser.post("/console/partners/partner/quota", less)).status == 303
        take_in_pictures(busy.world.store, "baseline")
        shows = {"csrf": busy.csrf(), "name": "hoster", "values": "5"}
        assert (await browser.post("/console/partners/partner/disclose", shows)).status == 303
    kinds = [one.kind for one in open_approvals(busy.world.identity, busy.world.store).ls()]
    assert kinds[-2:] == ["partner.quota", "partner.disclose"]


async def test_a_partner_is_suspended_and_let_in_again(busy: RunningConsole) -> None:
    async with _operator(busy) as browser:
        form = {"csrf": busy.csrf(), "name": "hoster"}
        reply = await browser.post("/console/partners/partner/suspend", form)
        assert (_hoster(busy).suspended, reply.headers["Location"]) == (True, _ONE)
        assert "everything it asks is refused" in (await browser.get(_ONE)).words
        await browser.post("/console/partners/partner/resume", form)
        assert not _hoster(busy).suspended


def test_a_code_is_drawn_without_style() -> None:
    drawn = qr("sigfed1:abc", title="<b>")
    assert "style" not in drawn
    assert "<b>" not in drawn
    assert drawn.count("M") > 100
