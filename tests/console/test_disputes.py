"""Disputes: what a partner says, and the agency's signed answer, with what follows from it."""

import pytest

from node.app.partners.answers import answer_given
from node.app.partners.hits import casework
from node.audit.reader import read_audit
from node.errors import ConflictError
from node.lists.catalogue import report_list
from node.store.accounts.records import PersonRole
from node.store.hits.records import CaseRecord
from protocol.statement.case import Outcome
from support.console import RunningConsole

LIST = "fr.example/lists/csam"


def _case(busy: RunningConsole) -> CaseRecord:
    (case,) = casework(busy.world.identity, busy.world.store).ls()
    return case


def _form(busy: RunningConsole, **fields: str) -> dict[str, str]:
    name = f"hoster/{_case(busy).report_id.hex()}"
    return {"csrf": busy.csrf(), "case": name, "query": f"case={name}"} | fields


async def test_a_dispute_is_shown_with_its_day_and_the_partners_words(busy: RunningConsole) -> None:
    case = _case(busy)
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        words = (await browser.get("/console/disputes")).words
        assert case.report_id.hex()[:8] in words
        assert "in 6 days" in words or "in 7 days" in words
        one = await browser.get(f"/console/disputes/one?case=hoster/{case.report_id.hex()}")
    assert "it is our company logo" in one.words
    assert "nl.example/lists/csam" in one.words
    assert "An analyst answers it." in one.words


async def test_a_dispute_is_upheld_and_its_file_withdrawn(busy: RunningConsole) -> None:
    before = report_list(busy.world.store, LIST).waiting
    async with busy.as_role(PersonRole.ANALYST, person="carla", proved_ms=busy.world.now_ms) as browser:
        form = _form(busy, outcome="upheld", reason="it is a logo", withdraw=LIST, final="yes")
        reply = await browser.post("/console/disputes/answer", form)
        assert reply.status == 303
        page = await browser.get(reply.headers["Location"])
        again = await browser.post("/console/disputes/answer", form)
    assert "The dispute is upheld, signed" in page.words
    assert "2 entries of the file end with the next publication" in page.words
    assert "Ask nl.example to withdraw its entry" in page.words
    assert again.status == 409
    assert "the case was answered before" in again.words
    given = answer_given(busy.world.identity, _case(busy))
    assert given is not None
    assert (given.outcome, given.reason) == (Outcome.UPHELD, "it is a logo")
    assert report_list(busy.world.store, LIST).waiting == before + 2
    told = [one.record for one in read_audit(busy.world.store)][-1]
    assert (told.action, told.actor) == ("case.answer", "carla")


async def test_a_withdrawal_is_on_record_though_the_answer_failed(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object) -> None:
        raise ConflictError("the key is replaced just now")

    monkeypatch.setattr("node.app.partners.answers.statement_key", failing)
    before = report_list(busy.world.store, LIST).waiting
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        form = _form(busy, outcome="upheld", reason="it is a logo", withdraw=LIST, final="yes")
        assert (await browser.post("/console/disputes/answer", form)).status == 409
    assert report_list(busy.world.store, LIST).waiting == before + 2
    told = [one.record for one in read_audit(busy.world.store)][-1]
    assert (told.action, told.outcome) == ("case.answer", "partly")


async def test_what_was_typed_before_the_passkey_was_asked_for_is_there_after_it(
    busy: RunningConsole,
) -> None:
    async with busy.as_role(PersonRole.ANALYST, person="carla") as browser:
        form = _form(busy, outcome="rejected", reason="the picture shows no logo at all", final="yes")
        sent = await browser.post("/console/disputes/answer", form)
        assert sent.headers["Location"].startswith("/console/prove?to=")
        page = f"/console/disputes/one?{form['query']}"
        for other in ("/console/disputes", f"{page}&more=1"):
            assert form["reason"] not in (await browser.get(other)).text, "it is about another thing"
        assert form["reason"] in (await browser.get(page)).text
        assert form["reason"] not in (await browser.get(page)).text, "once"
    assert answer_given(busy.world.identity, _case(busy)) is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"outcome": "", "reason": "right", "final": "yes"}, "the answer is missing"),
        ({"outcome": "upheld", "reason": "a\nb", "final": "yes"}, "the reason is one line"),
        ({"outcome": "rejected", "reason": "no", "withdraw": LIST, "final": "yes"}, "only where the partner"),
        ({"outcome": "maybe", "reason": "no", "final": "yes"}, "upheld or rejected"),
        ({"outcome": "upheld", "reason": "no"}, "cannot be taken back"),
        ({"outcome": "upheld", "reason": "no", "withdraw": "fr.example/lists/none", "final": "yes"}, "none"),
    ],
    ids=["nothing-chosen", "two-lines", "withdrawn-though-rejected", "neither", "not-meant", "no-list"],
)
async def test_what_is_no_answer_changes_nothing(
    busy: RunningConsole, fields: dict[str, str], says: str
) -> None:
    before = report_list(busy.world.store, LIST).waiting
    async with busy.as_role(PersonRole.ANALYST, proved_ms=busy.world.now_ms) as browser:
        reply = await browser.post("/console/disputes/answer", _form(busy, **fields))
    assert reply.status in {400, 404}
    assert says in reply.words
    assert "This was not done." in reply.words
    assert _case(busy).answered_ms is None
    assert report_list(busy.world.store, LIST).waiting == before
