"""Recipients at the console: accredited by two persons, given a key that is shown once, narrowed and refused by one."""

import json
import re
from datetime import timedelta

import pytest

from node.access.stored_grant import stored_grant
from node.app.approvals import open_approvals
from node.recipients.accreditation import Recipients, recognise
from node.store.accounts.records import PersonRole
from protocol.lists.event import BASELINE
from support.audited import audit_text, recorded
from support.console import Reply, RunningConsole

_PAGE = "/console/recipients"
_ONE = f"{_PAGE}/one?name=hotline"


def _recipients(busy: RunningConsole) -> Recipients:
    return Recipients(busy.world.store, busy.world.identity.clock)


def _in(busy: RunningConsole, days: int) -> str:
    return f"{busy.world.identity.clock.now() + timedelta(days=days):%Y-%m-%d}"


async def _send(busy: RunningConsole, act: str, person: str = "alice", **fields: str) -> Reply:
    async with busy.as_role(PersonRole.OPERATOR, proved_ms=busy.world.now_ms, person=person) as browser:
        form = {"csrf": busy.csrf(), "name": "hotline", "query": "name=hotline"} | fields
        reply = await browser.post(f"{_PAGE}/{act}", form)
        return await browser.get(reply.headers["Location"]) if reply.status == 303 else reply


async def _approve(busy: RunningConsole) -> None:
    number = open_approvals(busy.world.identity, busy.world.store).ls()[-1].id
    async with busy.as_role(PersonRole.SECURITY, proved_ms=busy.world.now_ms, person="bruno") as browser:
        form = {"csrf": busy.csrf(), "number": str(number)}
        assert (await browser.post("/console/tasks/approve", form)).status == 303


async def _accredit(busy: RunningConsole) -> None:
    fields = {"collections": "baseline", "until": _in(busy, 60), "purpose": "notice and takedown"}
    assert "waits for a second person" in (await _send(busy, "add", **fields)).words
    await _approve(busy)


async def test_two_persons_accredit_and_one_makes_the_key(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        assert "Nobody may fetch raw hashes here." in (await browser.get(_PAGE)).words
    await _accredit(busy)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        shown = await browser.get(_PAGE)
        assert "hotline notice and takedown" in shown.words
        assert "has no key yet" in shown.words
        assert "Make a key" not in (await browser.get(_ONE)).words  # viewers only look
    made = await _send(busy, "make-key")
    key = re.search(r">(sfr_[\w-]+)</textarea>", made.text)
    assert key is not None
    assert recognise(busy.world.store, key[1], busy.world.identity.clock.now()).name == "hotline"
    async with busy.as_role(PersonRole.OPERATOR) as browser:
        assert "was shown" in (await browser.get(f"{_PAGE}/key")).words
        assert key[1] not in (await browser.get(_ONE)).text
    assert recorded(busy)[-1] == ("recipient.key", "hotline", "alice")
    assert key[1] not in audit_text(busy)


async def test_what_one_may_fetch_and_how_it_stands_is_in_the_language_of_the_page(
    busy: RunningConsole,
) -> None:
    await _accredit(busy)
    ended = {"collections": ["baseline"], "algorithms": None, "until": "2026-01-01T00:00:00+00:00"}
    async with busy.as_role(PersonRole.VIEWER) as browser:
        before = (await browser.get(_PAGE, Accept_Language="fr")).words
        with busy.world.store.write() as unit:
            unit.recipients.set_grant("hotline", json.dumps(ended))
        after = (await browser.get(_PAGE, Accept_Language="fr")).words
    assert re.search(rf"baseline jusqu.au {_in(busy, 61)} 00:00 UTC", before)
    assert "terminé le 2026-01-01" in after


async def test_less_counts_at_once_and_more_waits(busy: RunningConsole) -> None:
    await _accredit(busy)
    less = await _send(busy, "grant", collections="baseline", algorithms="sha256", until=_in(busy, 30))
    assert "hotline may fetch baseline" in less.words
    more = await _send(busy, "grant", collections="baseline,national", until=_in(busy, 30))
    assert "waits for a second person" in more.words
    assert stored_grant(_recipients(busy).get("hotline")).collections == {BASELINE}
    await _approve(busy)
    assert len(stored_grant(_recipients(busy).get("hotline")).collections) == 2


async def test_one_person_refuses_and_forgets(busy: RunningConsole) -> None:
    await _accredit(busy)
    assert "is refused from now on" in (await _send(busy, "suspend")).words
    assert _recipients(busy).get("hotline").suspended
    assert "may fetch again" in (await _send(busy, "resume")).words
    assert "is forgotten" in (await _send(busy, "remove")).words
    assert _recipients(busy).ls() == ()
    assert [action for action, _, _ in recorded(busy)[-3:]] == [
        "recipient.suspend",
        "recipient.resume",
        "recipient.remove",
    ]


@pytest.mark.parametrize(
    ("act", "wrong"),
    [
        ("add", {"name": "<img src=x>"}),
        ("add", {"collections": ""}),
        ("add", {"collections": "nothing"}),
        ("add", {"algorithms": "crc32"}),
        ("add", {"until": ""}),
        ("add", {"until": "2099-01-01"}),
        ("add", {"until": "tomorrow"}),
        ("grant", {"name": "nobody"}),
        ("make-key", {"name": "nobody"}),
        ("suspend", {"name": "nobody"}),
        ("remove", {"name": "nobody"}),
    ],
)
async def test_what_is_no_accreditation_is_refused(
    busy: RunningConsole, act: str, wrong: dict[str, str]
) -> None:
    right = {"collections": "baseline", "until": _in(busy, 60)}
    before = len(open_approvals(busy.world.identity, busy.world.store).ls())
    reply = await _send(busy, act, **right | wrong)
    assert 400 <= reply.status < 500
    assert "<img" not in reply.text
    assert len(open_approvals(busy.world.identity, busy.world.store).ls()) == before
