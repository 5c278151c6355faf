"""Proposals: what is known here of each file, taking files up into a list, and refusing them with a reason."""

from typing import Any

import pytest

from node.audit.reader import read_audit
from node.lists.catalogue import report_list
from node.lists.imports.intake import ImportReport, import_rows
from node.partners.proposals.review import refuse
from node.store.accounts.records import PersonRole
from node.store.partners.records import FileRecord, ProposalRecord
from node.store.store import Store
from protocol.statement.proposal_state import FileState
from support.console import RunningConsole

LIST = "fr.example/lists/csam"
SAID = {"list": LIST, "collection": "baseline", "basis": "reviewed", "examined": "yes"}


def _proposal(busy: RunningConsole) -> ProposalRecord:
    with busy.world.store.read() as unit:
        (found,) = unit.proposals.ls()
    return found


def _files(busy: RunningConsole) -> list[FileRecord]:
    with busy.world.store.read() as unit:
        return list(unit.proposals.files(_proposal(busy)))


def _form(busy: RunningConsole, **fields: str) -> dict[str, str]:
    name = f"hoster/{_proposal(busy).proposal_id.hex()}"
    return {"csrf": busy.csrf(), "proposal": name, "query": f"proposal={name}"} | fields


async def test_a_proposal_shows_its_files_and_no_whole_hash(busy: RunningConsole) -> None:
    proposal = _proposal(busy)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        words = (await browser.get("/console/proposals")).words
        assert proposal.proposal_id.hex()[:8] in words
        one = await browser.get(f"/console/proposals/one?proposal=hoster/{proposal.proposal_id.hex()}")
    assert "found by our moderators" in one.words
    assert "2 files to decide" in one.words
    assert "An analyst decides about it." in one.words
    assert "sha256" in one.words
    without_names = one.text.replace(proposal.proposal_id.hex(), "")
    assert not any(len(word) >= 32 and set(word) <= set("0123456789abcdef") for word in without_names.split())


async def test_one_file_is_taken_up_and_the_other_refused(busy: RunningConsole) -> None:
    before = report_list(busy.world.store, LIST).waiting
    async with busy.as_role(PersonRole.ANALYST, person="carla") as browser:
        form = _form(busy, **SAID, **{"file-1": "yes", "review_by": "2030-01-01", "legality": "fr nl"})
        reply = await browser.post("/console/proposals/take", form)
        assert reply.status == 303
        assert "1 file was taken up: 3 new entries" in (await browser.get(reply.headers["Location"])).words
        again = await browser.post("/console/proposals/take", form)
        assert again.status == 400
        assert "file 1 is decided already" in again.words
        form = _form(busy, reason="it is <lawful>", **{"file-2": "yes"})
        reply = await browser.post("/console/proposals/refuse", form)
        assert reply.status == 303
        page = await browser.get(reply.headers["Location"])
    assert "1 file was refused; hoster is told the reason." in page.words
    assert "it is <lawful>" in page.words
    assert "Decide" not in page.words
    taken, refused = _files(busy)
    assert (taken.state, taken.origin) == (FileState.TAKEN, LIST)
    assert (refused.state, refused.reason) == (FileState.REFUSED, "it is <lawful>")
    assert report_list(busy.world.store, LIST).waiting == before + 3
    told = [one.record for one in read_audit(busy.world.store)]
    assert [(one.action, one.actor) for one in told[-2:]] == [
        ("proposal.take", "carla"),
        ("proposal.refuse", "carla"),
    ]


async def test_a_list_that_ended_takes_no_file_up(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = report_list(busy.world.store, LIST).waiting
    monkeypatch.setattr("node.lists.continuation.is_closed", lambda _document, origin: origin == LIST)
    async with busy.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.post("/console/proposals/take", _form(busy, **SAID, **{"file-1": "yes"}))
    assert (reply.status, "ended, and goes on in" in reply.words) == (400, True)
    assert report_list(busy.world.store, LIST).waiting == before


async def test_what_was_queued_is_on_record_though_somebody_refused_the_file_meanwhile(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(store: Store, *given: Any, **named: Any) -> ImportReport:
        done = import_rows(store, *given, **named)
        refuse(store, _proposal(busy), [1], reason="an advertisement", now_ms=busy.world.now_ms)
        return done

    monkeypatch.setattr("node.partners.proposals.review.import_rows", overtaken)
    async with busy.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.post("/console/proposals/take", _form(busy, **SAID, **{"file-1": "yes"}))
    assert (reply.status, "somebody decided some of these files" in reply.words) == (409, True)
    told = [one.record for one in read_audit(busy.world.store)][-1]
    assert (told.action, told.outcome) == ("proposal.take", "partly")


@pytest.mark.parametrize(
    ("action", "fields", "says"),
    [
        pytest.param("take", SAID, "no file is ticked", id="no-file"),
        pytest.param(
            "take",
            SAID | {"file-1": "yes", "examined": "no", "basis": "relies-on"},
            "no basis",
            id="no-basis",
        ),
        pytest.param("take", SAID | {"file-1": "yes", "list": "fr.example/lists/none"}, "none", id="no-list"),
        pytest.param(
            "take", SAID | {"file-1": "yes", "collection": "nowhere"}, "collection", id="no-collection"
        ),
        pytest.param(
            "take", SAID | {"file-1": "yes", "legality": "France"}, "codes of two letters", id="no-country"
        ),
        pytest.param("take", SAID | {"file-9": "yes"}, "no file 9", id="no-such-file"),
        pytest.param("refuse", {"file-1": "yes"}, "the reason is missing", id="no-reason"),
        pytest.param("refuse", {"file-1": "yes", "reason": "a\nb"}, "one line", id="lines"),
    ],
)
async def test_what_does_not_fit_decides_nothing(
    busy: RunningConsole, action: str, fields: dict[str, str], says: str
) -> None:
    async with busy.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.post(f"/console/proposals/{action}", _form(busy, **fields))
    assert reply.status in {400, 404}
    assert "This was not done." in reply.words
    assert says in reply.words
    if "file-1" in fields:
        assert f'id="{action}-file-1" name="file-1" value="yes" checked' in reply.text
    assert {each.state for each in _files(busy)} == {FileState.WAITING}


async def test_it_is_not_said_that_a_file_was_examined_unless_it_is_ticked(busy: RunningConsole) -> None:
    said = {name: value for name, value in SAID.items() if name != "examined"}
    async with busy.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.post("/console/proposals/take", _form(busy, **said, **{"file-1": "yes"}))
    assert reply.status == 400
    assert "examined here" in reply.words
    assert {each.state for each in _files(busy)} == {FileState.WAITING}
