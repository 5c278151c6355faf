"""What is finished goes when its time is over; what anybody still waits for never does."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from node.clock import milliseconds
from node.hoster.hits.resolutions import Action
from node.hoster.hits.retention import expired as expired_hits
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.partners.hits.retention import Purged, purge
from node.store.hits.records import HitRecord
from protocol.statement.case import CaseState, Outcome, PartnerDispute
from protocol.statement.resolution import Action as SentAction
from protocol.statement.resolution import Resolution
from support.hits import HOSTER, SUBSET, HitWorld, hit_world, kept_reports
from support.spooling import HIT, SENT, recorded


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, listed=["a file", "another"]) as made:
        yield made


@pytest.fixture
async def record(world: HitWorld) -> HitRecord:
    """A report that the node has taken."""
    return await reported(world)


async def reported(world: HitWorld) -> HitRecord:
    sent = await world.reported("a file")
    with world.fr.store.read() as unit:
        found = unit.hits.find(HOSTER, sent.report.report_id)
    assert found is not None
    return found


def now_ms(world: HitWorld) -> int:
    return milliseconds(world.fr.clock.now())


def close(world: HitWorld, record: HitRecord) -> None:
    with world.fr.store.write() as unit:
        unit.hits.close(record, closed_ms=now_ms(world))


async def resolve(world: HitWorld, record: HitRecord, action: SentAction) -> None:
    said = Resolution(report_id=record.report_id, action=action, done_ms=now_ms(world))
    await world.hits().resolve_hit(SUBSET, said.to_bytes())


def dispute(world: HitWorld, record: HitRecord) -> None:
    world.casework.open(HOSTER, SUBSET, PartnerDispute(report_id=record.report_id, reason="ours", contact=""))


def answer(world: HitWorld) -> None:
    world.casework.answer(world.casework.ls()[0], Outcome.REJECTED, "no", signer=world.statement_key)


def after_days(world: HitWorld, days: int) -> Purged:
    """What is purged of what is kept for a month, so many days later."""
    world.federation.advance(days=days)
    return purge(world.fr.store, before_ms=now_ms(world) - 30 * 24 * 60 * 60 * 1000)


@pytest.mark.threat("kept too long or too short")
async def test_a_closed_report_goes_with_all_that_is_known_of_it(world: HitWorld, record: HitRecord) -> None:
    await resolve(world, record, SentAction.REMOVED)
    dispute(world, record)
    answer(world)
    close(world, record)
    assert after_days(world, 30).reports == 0, "it has its time"
    assert after_days(world, 1) == Purged(reports=1, resolutions=1, cases=1)
    assert kept_reports(world.fr.store) == []
    with world.fr.store.read() as unit:
        assert unit.partner_cases.ls() == []
        assert unit.hit_outcomes.counting([record.name]) == {}
        assert unit.hit_outcomes.sources([record.name]) == {}
    assert after_days(world, 1).reports == 0


async def test_what_nobody_closed_stays(world: HitWorld, record: HitRecord) -> None:
    await resolve(world, record, SentAction.REMOVED)
    assert after_days(world, 4000).reports == 0


async def test_what_is_disputed_stays_until_it_is_answered_and_its_time_is_over(
    world: HitWorld, record: HitRecord
) -> None:
    close(world, record)
    dispute(world, record)
    assert after_days(world, 4000).reports == 0
    answer(world)
    assert after_days(world, 30).reports == 0, "the answer begins the time anew"
    assert after_days(world, 1).reports == 1


@pytest.mark.threat("kept too long or too short")
async def test_what_a_partner_preserves_stays_until_it_does_not(world: HitWorld, record: HitRecord) -> None:
    close(world, record)
    await resolve(world, record, SentAction.PRESERVED)
    assert after_days(world, 4000).reports == 0
    await resolve(world, record, SentAction.REMOVED)
    assert after_days(world, 31).reports == 1


@pytest.mark.threat("kept too long or too short")
async def test_what_is_held_stays_until_it_is_let_go(world: HitWorld, record: HitRecord) -> None:
    close(world, record)
    for held_ms, gone in ((5, 0), (None, 1)):
        with world.fr.store.write() as unit:
            unit.hits.hold(record, held_ms=held_ms)
        assert after_days(world, 31).reports == gone


async def test_others_are_not_touched(world: HitWorld, record: HitRecord) -> None:
    world.federation.advance(days=100)
    young = await reported(world)
    for one in (record, young):
        close(world, one)
    with world.fr.store.write() as unit:
        unit.hits.close(record, closed_ms=1)
    assert after_days(world, 0).reports == 0, "closing it again does not change when it was closed"
    assert after_days(world, 31).reports == 2


# ------------------------------------------------------------------ a partner's

DISPUTED = CaseState(opened_ms=0, due_ms=9, answer=b"").to_bytes()
ANSWERED = CaseState(opened_ms=0, due_ms=9, answer=b"signed").to_bytes()
Changed = Callable[[SpooledHit], SpooledHit]


def _done(hit: SpooledHit) -> SpooledHit:
    return replace(hit, receipt=b"signed", action=Action.REMOVED, resolved_ms=10, acknowledged=b"signed")


@pytest.mark.threat("kept too long or too short")
@pytest.mark.parametrize(
    ("change", "goes"),
    [
        (_done, True),
        (lambda hit: replace(_done(hit), resolved_ms=20), False),
        (lambda hit: replace(_done(hit), action=None), False),
        (lambda hit: replace(_done(hit), action=Action.PRESERVED), False),
        (lambda hit: replace(_done(hit), action=Action.FALSE_POSITIVE), True),
        (lambda hit: replace(_done(hit), receipt=b"", acknowledged=b""), False),
        (lambda hit: replace(_done(hit), receipt=b"", acknowledged=b"", refused="not listed"), True),
        (lambda hit: replace(_done(hit), acknowledged=b""), False),
        (lambda hit: replace(_done(hit), acknowledged=b"", not_told="not kept"), True),
        (lambda hit: replace(_done(hit), case=DISPUTED), False),
        (lambda hit: replace(_done(hit), case=ANSWERED), True),
        (lambda hit: replace(_done(hit), held=True), False),
    ],
)
def test_a_partner_keeps_what_is_not_finished(tmp_path: Path, change: Changed, *, goes: bool) -> None:
    spool = HitSpool(tmp_path)
    spool.save(change(recorded(spool)))
    assert len(expired_hits(spool, before_ms=20, tells=True)) == goes


def test_who_tells_nobody_waits_for_no_receipt(tmp_path: Path) -> None:
    spool = HitSpool(tmp_path)
    spool.save(replace(_done(recorded(spool)), acknowledged=b""))
    assert len(expired_hits(spool, before_ms=20, tells=False)) == 1


def test_what_is_dropped_is_gone_and_the_rest_is_not(tmp_path: Path) -> None:
    spool = HitSpool(tmp_path)
    first = recorded(spool)
    other = replace(SENT, report=replace(SENT.report, report_id=os.urandom(16)))
    second = recorded(spool, replace(HIT, report=other), name="b.jpg")
    spool.drop(first)
    spool.drop(first)
    assert spool.ls() == [second]
