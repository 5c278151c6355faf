"""Tasks: what waits for a second person is decided here as by the command, and by nobody who may not."""

import pytest

from node.app.approvals import open_approvals
from node.audit.reader import read_audit
from node.store.accounts.records import Approval, Outcome, PersonRole
from support.console import Browser, RunningConsole


def _waiting(busy: RunningConsole) -> Approval:
    (found,) = [
        one for one in open_approvals(busy.world.identity, busy.world.store).ls() if one.outcome == "open"
    ]
    return found


def _as(busy: RunningConsole, person: str, role: PersonRole) -> Browser:
    return busy.as_role(role, person=person, proved_ms=busy.world.now_ms)


async def test_a_request_stands_under_whom_it_waits_for(busy: RunningConsole) -> None:
    request = _waiting(busy)
    async with _as(busy, "bruno", PersonRole.OPERATOR) as browser:
        words = (await browser.get("/console/tasks")).words
    mine, theirs = words.index("For you to decide"), words.index("Ended")
    assert mine < words.index(request.subject) < theirs
    assert "let a partner ask more often" in words
    assert "let somebody decide here carla decides here as analyst" in words[theirs:]
    async with _as(busy, "alice", PersonRole.OPERATOR) as browser:
        words = (await browser.get("/console/tasks")).words
    assert "No request waits for you." in words
    assert "For somebody else" in words


@pytest.mark.parametrize(
    ("person", "role", "says"),
    [
        ("alice", PersonRole.OPERATOR, "You asked for this"),
        ("carla", PersonRole.ANALYST, "Your role does not decide this."),
        ("vera", PersonRole.VIEWER, "Your role does not decide this."),
    ],
)
async def test_nobody_is_shown_a_form_that_would_be_refused(
    busy: RunningConsole, person: str, role: PersonRole, says: str
) -> None:
    path = f"/console/tasks/request?number={_waiting(busy).id}"
    async with _as(busy, person, role) as browser:
        reply = await browser.get(path)
    assert says in reply.words
    assert "/console/tasks/approve" not in reply.text


async def test_a_second_person_approves(busy: RunningConsole) -> None:
    request = _waiting(busy)
    async with _as(busy, "bruno", PersonRole.OPERATOR) as browser:
        reply = await browser.post("/console/tasks/approve", {"csrf": busy.csrf(), "number": str(request.id)})
        assert (reply.status, reply.headers["Location"]) == (
            303,
            f"/console/tasks/request?number={request.id}",
        )
        words = (await browser.get(reply.headers["Location"])).words
        assert f"Request {request.id} was approved" in words
        assert "Your decision" not in words
        again = await browser.post("/console/tasks/approve", {"csrf": busy.csrf(), "number": str(request.id)})
    assert again.status == 409
    assert f"request {request.id} was approved by bruno" in again.words
    done = open_approvals(busy.world.identity, busy.world.store).get(request.id)
    assert (done.outcome, done.decided_by) == (Outcome.APPROVED, "bruno")
    assert done.acted_ms is not None
    with busy.world.store.read() as unit:
        raised = unit.partners.get("hoster").evaluations_per_day
    assert done.result == f"hoster may ask for {raised:,} evaluations a day"


async def test_what_was_asked_for_is_kept_so_that_it_can_be_read_in_french(busy: RunningConsole) -> None:
    request = _waiting(busy)
    asked = request.subject.removeprefix("hoster may ask for ").replace(" evaluations a day (now: ", "|")
    wanted, held = asked.removesuffix(")").split("|")
    path, french = f"/console/tasks/request?number={request.id}", {"Accept_Language": "fr"}
    form = {"number": str(request.id)}
    async with _as(busy, "bruno", PersonRole.OPERATOR) as browser:
        waiting = (await browser.get(path, **french)).words
        await browser.post("/console/tasks/approve", form | {"csrf": busy.csrf()})
        approved = (await browser.get(path, **french)).words
        again = await browser.post("/console/tasks/approve", form | {"csrf": busy.csrf()}, **french)
    wanted, held = wanted.replace(",", " "), held.replace(",", " ")
    assert f"hoster peut demander {wanted} évaluations par jour (actuellement : {held})" in waiting
    assert f"hoster peut demander {wanted} évaluations par jour" in approved.split("Ce qui a été fait")[1]
    assert f"la demande {request.id} a déjà été décidée (approuvée) par bruno" in again.words


@pytest.mark.parametrize(("person", "role"), [("alice", PersonRole.OPERATOR), ("carla", PersonRole.ANALYST)])
async def test_who_may_not_decide_does_not(busy: RunningConsole, person: str, role: PersonRole) -> None:
    request = _waiting(busy)
    async with _as(busy, person, role) as browser:
        for path, form in (("approve", {}), ("reject", {"reason": "no"})):
            reply = await browser.post(
                f"/console/tasks/{path}",
                {"csrf": busy.csrf(), "number": str(request.id), "query": f"number={request.id}"} | form,
            )
            assert reply.status == 403, reply.words
            assert "This was not done." in reply.words
    assert _waiting(busy) == request


async def test_a_request_is_rejected_with_a_reason(busy: RunningConsole) -> None:
    request = _waiting(busy)
    form = {"number": str(request.id), "query": f"number={request.id}"}
    async with _as(busy, "bruno", PersonRole.SECURITY) as browser:
        form["csrf"] = busy.csrf()
        reply = await browser.post("/console/tasks/reject", form)
        assert reply.status == 400
        assert "the reason is missing" in reply.words
        reply = await browser.post("/console/tasks/reject", form | {"reason": "<b>ask</b> the ministry"})
        assert reply.status == 303
        page = await browser.get(reply.headers["Location"])
    assert "<b>ask" not in page.text
    assert "<b>ask</b> the ministry" in page.words
    assert "nothing was changed" in page.words
    done = open_approvals(busy.world.identity, busy.world.store).get(request.id)
    assert (done.outcome, done.reason) == (Outcome.REJECTED, "<b>ask</b> the ministry")


async def test_the_audit_log_names_who_decided(busy: RunningConsole) -> None:
    request = _waiting(busy)
    async with _as(busy, "bruno", PersonRole.OPERATOR) as browser:
        await browser.post("/console/tasks/approve", {"csrf": busy.csrf(), "number": str(request.id)})
    told = [one.record for one in read_audit(busy.world.store)]
    assert {(one.action, one.actor) for one in told[-2:]} == {
        ("approval.approve", "bruno"),
        ("partner.quota", "bruno"),
    }
