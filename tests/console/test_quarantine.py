"""Quarantine: what waits, why, and its release, which one person asks for and another decides."""

from urllib.parse import urlencode

from node.app.approvals import open_approvals
from node.audit.reader import read_audit
from node.store.accounts.records import PersonRole
from node.store.lists.records import FORKED, Quarantined
from node.store.peers.records import EvidenceKind, EvidenceRecord
from support.console import RunningConsole


def _put(busy: RunningConsole, origin: str, kind: str, reason: str) -> int:
    with busy.world.store.write() as unit:
        log = unit.logs.get(origin)
        unit.quarantine.add(
            [
                Quarantined(
                    log_id=log.id, kind=kind, first=1, last=3, reason=reason, created_ms=busy.world.now_ms
                )
            ]
        )
        return unit.quarantine.ls(log.id)[-1].id


async def test_what_waits_is_said_with_the_reason(busy: RunningConsole) -> None:
    _put(busy, "nl.example/lists/csam", FORKED, "two histories")
    _put(busy, "nl.example/lists/csam", "add", '"><img src=x onerror=alert(1)>')
    async with busy.as_role(PersonRole.VIEWER) as browser:
        reply = await browser.get("/console/quarantine")
    assert "it is in the known-benign set lawful" in reply.words
    assert "nl.example/lists/csam stands still at" in reply.words
    assert "events 1 to 3 of nl.example/lists/csam" in reply.words
    assert "<img" not in reply.text


async def test_a_release_takes_two_persons(busy: RunningConsole) -> None:
    with busy.world.store.read() as unit:
        (record,) = unit.quarantine.ls()
    form = {"id": str(record.id), "query": f"id={record.id}"}
    async with busy.as_role(PersonRole.ANALYST, person="carla", proved_ms=busy.world.now_ms) as browser:
        form["csrf"] = busy.csrf()
        reply = await browser.post("/console/quarantine/release", form)
        assert reply.status == 400
        assert "the reason is missing" in reply.words
        reply = await browser.post("/console/quarantine/release", form | {"reason": "I <looked> at it"})
        assert reply.status == 303
        page = await browser.get(reply.headers["Location"])
        assert "waits for a second person: nothing has changed yet." in page.words
        assert "I <looked> at it" in page.words
        assert f'href="/console/quarantine/one?id={record.id}"' in page.text
        aside = await browser.get(f"/console/quarantine/one?id={record.id}")
        assert "release asked for" in aside.words
        assert "/console/quarantine/release" not in aside.text
    told = [one.record for one in read_audit(busy.world.store)][-1]
    assert (told.action, told.actor, told.outcome) == ("quarantine.release", "carla", "requested")
    asked = open_approvals(busy.world.identity, busy.world.store).ls()[-1]
    async with busy.as_role(PersonRole.OPERATOR, person="bruno", proved_ms=busy.world.now_ms) as browser:
        decided = {"csrf": busy.csrf(), "number": str(asked.id)}
        assert (await browser.post("/console/tasks/approve", decided)).status == 303
        aside = await browser.get(f"/console/quarantine/one?id={record.id}")
        assert "Nothing is set aside." in (await browser.get("/console/quarantine")).words
    assert "released" in aside.words
    with busy.world.store.read() as unit:
        assert unit.quarantine.get(record.id).released_ms is not None


async def test_nothing_is_released_that_is_not_there(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.ANALYST, person="carla", proved_ms=busy.world.now_ms) as browser:
        form = {"csrf": busy.csrf(), "id": "99", "reason": "why not"}
        assert (await browser.post("/console/quarantine/release", form)).status == 404
        missing = urlencode({"id": "nobody.example"})
        assert (await browser.get(f"/console/quarantine/one?{missing}")).status == 404


async def test_claims_stand_beside_what_is_set_aside(busy: RunningConsole) -> None:
    claim = EvidenceRecord(
        sha256=64 * "e",
        kind=EvidenceKind.ROLLBACK,
        subject="nl.example/lists/csam",
        pair="two heads",
        source="be.example",
        created_ms=busy.world.now_ms,
    )
    with busy.world.store.write() as unit:
        assert unit.evidence.add(claim)
    async with busy.as_role(PersonRole.VIEWER) as browser:
        words = (await browser.get("/console/quarantine")).words
    assert "Claims about logs" in words
    assert "nl.example/lists/csam rollback be.example" in words
