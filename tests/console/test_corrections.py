"""What is said in the console about hashes that are listed already, and taking them off a list."""

from errno import ENOSPC
from hashlib import sha256

import pytest

from node.app.approvals import open_approvals
from node.audit.reader import read_audit
from node.errors import StoreError
from node.judgement.recall import report_withdrawals
from node.lists.catalogue import report_list
from node.store.accounts.records import PersonRole
from support.agencies import SINGLE
from support.audited import recorded
from support.busy_agency import FILES
from support.console import Browser, Reply, RunningConsole

_OWN = "fr.example/lists/csam"
_PEER = "nl.example/lists/csam"
_ENTRY = {"list": _OWN, "index": "0", "query": f"list={_OWN}&index=0"}
_PAGE = f"/console/entry?list={_OWN}&index=0"


async def _sent(browser: Browser, busy: RunningConsole, path: str, form: dict[str, str]) -> Reply:
    """A form that must be taken, and the page it leads to."""
    done = await browser.post(path, form | {"csrf": busy.csrf()})
    assert done.status == 303, done.words
    return await browser.get(done.headers["Location"])


async def _refused(browser: Browser, busy: RunningConsole, path: str, form: dict[str, str]) -> Reply:
    """A form that must not be taken."""
    reply = await browser.post(path, form | {"csrf": busy.csrf()})
    assert 400 <= reply.status < 500, reply.status
    assert "This was not done." in reply.words
    return reply


async def _publish(browser: Browser, busy: RunningConsole) -> None:
    await _sent(browser, busy, "/console/review/publish", {"list": _OWN})


async def test_an_amended_review_date_comes_back_as_due(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        form = _ENTRY | {"to": _OWN, "review_by": "2026-01-02", "illegal_in": "NL", "criteria": "7"}
        amended = await _sent(browser, busy, "/console/entry/amend", form)
        assert "2 entries will say it with the next publication" in amended.words
        await _publish(browser, busy)
        due = await browser.get("/console/review")
        shown = await browser.get(_PAGE)
        again = await _sent(browser, busy, "/console/entry/amend", form)
    assert f"{_OWN}:0 2026-01-02 past" in due.words
    assert "known to be illegal in NL" in shown.words
    assert "criteria 7" in shown.words
    assert "amended" in shown.words.partition("What happened")[2]
    assert "the entries say all of it already" in again.words
    assert ("entry.amend", _OWN, "a.analyst") in recorded(busy)


async def test_an_amendment_must_say_something_that_can_be_said(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        right = _ENTRY | {"to": _OWN}
        for wrong in (
            {},
            {"basis": "reviewed"},
            {"review_by": "soon", "criteria": "4"},
            {"illegal_in": "<b>"},
            {"review_by": "2027-01-01", "to": _PEER},
        ):
            reply = await _refused(browser, busy, "/console/entry/amend", right | wrong)
            assert "<b>" not in reply.text.partition("<main")[2].partition("Amend the entries")[0]
    assert report_list(busy.world.store, _OWN).waiting == 6


async def test_a_dispute_is_made_and_taken_back(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        form = {"list": _PEER, "index": "2", "to": _OWN, "reason": "error", "query": f"list={_PEER}&index=2"}
        await _refused(browser, busy, "/console/entry/dispute", form)
        await _sent(browser, busy, "/console/entry/dispute", form | {"sure": "yes"})
        await _publish(browser, busy)
        blocked = await browser.get(f"/console/entry?list={_PEER}&index=2")
        assert "blocked no partner gets it" in blocked.words
        assert "fr.example (FR) dispute" in blocked.words
        assert "disputed (error)" in blocked.words.partition("What happened")[2]
        again = await _refused(browser, busy, "/console/entry/dispute", form | {"sure": "yes"})
        assert "blocks this hash already" in again.words
        await _refused(browser, busy, "/console/entry/resolve", form)
        await _sent(browser, busy, "/console/entry/resolve", form | {"sure": "yes"})
        await _publish(browser, busy)
        shown = await browser.get(f"/console/entry?list={_PEER}&index=2")
    assert "What blocks it" not in shown.words
    assert "dispute resolved" in shown.words.partition("What happened")[2]
    actions = [action for action, _, _ in recorded(busy)]
    assert actions.index("entry.dispute") < actions.index("entry.resolve")


async def test_what_this_agency_disputes_has_a_page_and_is_not_to_be_endorsed(busy: RunningConsole) -> None:
    entry, file = f"/console/entry?list={_PEER}&index=2", f"/console/review/file?list={_PEER}&index=2"
    form = {"list": _PEER, "index": "2", "to": _OWN, "reason": "error", "query": f"list={_PEER}&index=2"}
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        assert "This agency disputes nothing." in (await browser.get("/console/disputes")).words
        assert "Examine and endorse" in (await browser.get(entry)).words
        assert "Endorse the file" in (await browser.get(file)).words
        await _sent(browser, busy, "/console/entry/dispute", form | {"sure": "yes"})
        for state in ("waits for publication", "blocks"):
            listed = (await browser.get("/console/disputes")).words.partition("What this agency disputes")[2]
            assert state in listed, "before it is published, too"
            assert "Examine and endorse" not in (await browser.get(entry)).words
            reviewed = (await browser.get(file)).words
            assert "Endorse the file" not in reviewed
            assert "This file is disputed" in reviewed
            await _publish(browser, busy)
        await _sent(browser, busy, "/console/entry/resolve", form | {"sure": "yes"})
        page = await browser.get("/console/disputes")
        assert "taken back; blocks until that is published" in page.words
        await _publish(browser, busy)
        assert "This agency disputes nothing." in (await browser.get("/console/disputes")).words
        assert "Examine and endorse" in (await browser.get(entry)).words


async def test_a_block_of_a_peer_is_overruled_after_an_examination(busy: RunningConsole) -> None:
    typed = {"hash": sha256(FILES[-1]).hexdigest()}
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        found = await browser.post("/console/entry/look-up", typed | {"csrf": busy.csrf()})
        page = found.headers["Location"]
        shown = await browser.get(page)
        assert "nl.example (NL) dispute" in shown.words
        assert "Overrule the block of another agency" in shown.words
        index = page.rpartition("=")[2]
        form = {"list": _OWN, "index": index, "to": _OWN, "basis": "own", "query": page.partition("?")[2]}
        await _refused(browser, busy, "/console/entry/reaffirm", form)
        await _refused(browser, busy, "/console/entry/reaffirm", form | {"basis": "relies-on"})
        done = await _sent(browser, busy, "/console/entry/reaffirm", form | {"examined": "yes"})
        assert f"{_OWN}: 0 entries added and 2 amended" in done.words
        await _publish(browser, busy)
        after = await browser.get(page)
        assert "overrules event" in after.words
        again = await _sent(browser, busy, "/console/entry/reaffirm", form | {"examined": "yes"})
        assert "overrule these blocks already" in again.words
        none = _ENTRY | {"to": _OWN, "basis": "own", "examined": "yes"}
        assert (
            "no other agency blocks it"
            in (await _refused(browser, busy, "/console/entry/reaffirm", none)).words
        )


async def test_a_withdrawal_takes_one_person_and_a_page_that_says_what_ends(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.OPERATOR, proved_ms=busy.world.now_ms) as browser:
        asked = await browser.get(f"/console/entry/withdraw?list={_OWN}&index=0")
        assert "2 entries, 2 hashes of the file" in asked.words
        assert "in the newest release of baseline" in asked.words
        await _refused(browser, busy, "/console/entry/withdraw", _ENTRY | {"reason": "whim"})
        done = await _sent(browser, busy, "/console/entry/withdraw", _ENTRY | {"reason": "legal"})
        assert f"{_OWN}: 2 entries will end with the next publication" in done.words
        assert "not published yet" in done.words.partition("Withdrawn")[2]
        await _publish(browser, busy)
        shown = await browser.get(_PAGE)
        withdrawn = shown.words.partition("Withdrawn")[2]
        assert "legal" in withdrawn
        assert "nl.example holds" in withdrawn
        assert (await browser.get(f"/console/entry/withdraw?list={_OWN}&index=0")).status == 404
        assert (await browser.get(f"/console/entry/withdraw?list={_PEER}&index=2")).status == 400
    assert [each.published_ms is not None for each in report_withdrawals(busy.world.store)] == [True]
    assert ("entry.withdraw", _OWN, "a.operator") in recorded(busy)


async def test_a_withdrawal_may_reach_partners_at_once(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        done = await _sent(
            browser, busy, "/console/entry/withdraw", _ENTRY | {"reason": "error", "now": "yes"}
        )
    assert "subset baseline: release 2" in done.words
    assert report_list(busy.world.store, _OWN).waiting == 0


@pytest.mark.parametrize("error", [StoreError("no room is left"), OSError(ENOSPC, "no room is left")])
async def test_what_was_withdrawn_is_on_record_though_it_could_not_go_out(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("node.app.recall.publish_one", fails)
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        form = _ENTRY | {"reason": "error", "now": "yes"}
        reply = await browser.post("/console/entry/withdraw", form | {"csrf": busy.csrf()})
        then = await browser.get("/console/")
    assert "This was not done." not in reply.words
    said = f"Not all of this was done. {_OWN}: 2 entries will end with the next publication"
    assert said in then.words, "what the form was about is gone, and its page with it"
    assert len(report_withdrawals(busy.world.store)) == 1
    newest = [each.record for each in read_audit(busy.world.store)][-1]
    assert (newest.action, newest.outcome, newest.details.get("now")) == ("entry.withdraw", "partly", "yes")


async def test_shredding_is_asked_for_and_waits_for_a_second_person(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, person="alice", proved_ms=busy.world.now_ms) as browser:
        asked = await browser.get(f"/console/entry/shred?list={_OWN}&index=0")
        assert "2 entries, 0 disputes" in asked.words
        done = await _sent(browser, busy, "/console/entry/shred", _ENTRY | {"reason": "error"})
    assert "waits for a second person" in done.words
    newest = open_approvals(busy.world.identity, busy.world.store).ls()[-1]
    assert (newest.kind, newest.requested_by) == ("entry.shred", "alice")
    assert report_list(busy.world.store, _OWN).waiting == 6
    assert recorded(busy)[-1] == ("entry.shred", _OWN, "alice")


async def test_whoever_only_looks_is_offered_nothing(busy: RunningConsole) -> None:
    for role in (PersonRole.VIEWER, PersonRole.SECURITY):
        async with busy.as_role(role) as browser:
            shown = await browser.get(_PAGE)
            assert "What you can do" not in shown.words, role
            assert (await browser.get(f"/console/entry/withdraw?list={_OWN}&index=0")).status == 403


async def test_a_hash_of_one_list_alone_is_no_file_to_withdraw_elsewhere(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        typed = {"hash": sha256(SINGLE).hexdigest(), "csrf": busy.csrf()}
        found = await browser.post("/console/entry/look-up", typed)
        shown = await browser.get(found.headers["Location"])
    assert "Withdraw this file" not in shown.words
    assert "Examine and endorse" in shown.words
    assert "Dispute it: nobody should list it" in shown.words
