"""Reports that no release bears out any more: ended with the release, signed, and told to whoever made them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keys.errors import BadSignatureError
from keys.key import StatementPrivateKey
from node.clock import milliseconds
from node.errors import NotFoundError
from node.lists.corrections.shred import prepare, shred
from node.objects.taken_reports import taken
from node.partners.hits import reports
from node.partners.hits.overview import reported_hits
from node.store.hits.records import HitRecord
from node.subsets.release import ReleaseReport
from protocol.limits import MAX_ENDS
from protocol.lists.ext import Reason
from protocol.statement.end import FROM_THE_FIRST, Ended, EndedReports, open_end
from protocol.statement.receipt import open_receipt
from protocol.statement.report import authenticate
from support.hits import HOSTER, OTHER, SUBSET, HitWorld, hit_world, kept_reports, named, report_of


@pytest.fixture(params=[True, False], ids=["labels", "no labels"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, labels=request.param, listed=["a file", "another"]) as made:
        yield made


async def withdraw(world: HitWorld, name: str) -> None:
    world.fr.withdraw(name, Reason.ERROR)
    world.federation.advance(minutes=5)
    await world.release()


async def ended(world: HitWorld, *, partner: str = HOSTER, after: bytes = FROM_THE_FIRST) -> Sequence[Ended]:
    data = await world.hits(partner).ended_reports(SUBSET, after.hex())
    return EndedReports.from_bytes(data).ended


def withdrawn_hits(world: HitWorld) -> int:
    with world.fr.store.read() as unit:
        return unit.hits.counts(now_ms=0).withdrawn


def records(world: HitWorld) -> dict[bytes, HitRecord]:
    return {record.report_id: record for record in kept_reports(world.fr.store)}


async def test_the_release_that_takes_it_out_ends_the_report(world: HitWorld) -> None:
    gone, stands = await world.reported("a file"), await world.reported("another")
    theirs = await world.reported("a file", partner=OTHER)
    assert await ended(world) == ()
    await withdraw(world, "a file")
    found = records(world)
    assert found[gone.report.report_id].ended_version == 2
    assert found[stands.report.report_id].ended_ms is None
    states = {hit.record.report_id: hit.state(world.fr.now_ms) for hit in reported_hits(world.fr.store)}
    assert states[gone.report.report_id] == "withdrawn"
    assert states[stands.report.report_id] == "open"
    assert withdrawn_hits(world) == 2
    for partner, sent in ((HOSTER, gone), (OTHER, theirs)):
        [told] = await ended(world, partner=partner)
        end = open_end(told.end, sent.report, world.statement_keys)
        assert (end.version, end.ended_ms) == (2, world.fr.now_ms)
        assert open_receipt(told.receipt, sent.report, world.statement_keys).version == 1
    assert await world.hits().report_hit(SUBSET, gone.to_bytes()) == (await ended(world))[0].receipt


async def test_what_is_signed_is_signed_once_and_by_the_node(world: HitWorld) -> None:
    sent = await world.reported("a file")
    await withdraw(world, "a file")
    first, second = await asyncio.gather(ended(world), ended(world))
    assert first == second
    assert taken(world.fr.store, records(world)[sent.report.report_id]).end == first[0].end
    with pytest.raises(BadSignatureError):
        open_end(first[0].end, sent.report, [StatementPrivateKey.from_seed(b"o" * 32).public])


async def test_a_key_that_was_stolen_keeps_no_end_from_being_told(world: HitWorld) -> None:
    """Receipts and ends that it signed stand among the others; partners do not believe those any more."""
    first, second = await world.reported("a file"), await world.reported("another")
    await withdraw(world, "a file")
    stolen = await ended(world)
    world.lose_statement_key()
    await withdraw(world, "another")
    told = await ended(world)
    assert [one.report_id for one in told] == [first.report.report_id, second.report.report_id]
    for one, sent in zip(told, (first, second), strict=True):
        assert open_end(one.end, sent.report, world.statement_keys).report_sha256 == sent.report.sha256()
    assert told[0].end != stolen[0].end
    assert await ended(world) == told, "signed anew once"


async def test_a_late_report_is_kept_as_ended_and_told_so(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    await withdraw(world, "a file")
    with pytest.raises(NotFoundError):
        await world.hits().report_hit(SUBSET, sent.to_bytes())
    [told] = await ended(world)
    end = open_end(told.end, sent.report, world.statement_keys)
    receipt = open_receipt(told.receipt, sent.report, world.statement_keys)
    assert (end.version, receipt.version) == (2, 1)
    assert end.ended_ms == receipt.received_ms, "it had ended when it came"


async def test_a_report_that_a_node_of_before_kept_late_is_told_so(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the time of its receipt, signed that, and took the time of its record."""
    keep = reports.Reporting._record

    def with_two_readings(taking: reports.Reporting, *told: Any) -> HitRecord:
        record = keep(taking, *told)
        return replace(record, received_ms=record.received_ms + 3)

    monkeypatch.setattr(reports.Reporting, "_record", with_two_readings)
    sent = await world.evaluated("a file")
    await withdraw(world, "a file")
    with pytest.raises(NotFoundError):
        await world.hits().report_hit(SUBSET, sent.to_bytes())
    [told] = await ended(world)
    received_ms = open_receipt(told.receipt, sent.report, world.statement_keys).received_ms
    assert open_end(told.end, sent.report, world.statement_keys).ended_ms == received_ms


async def test_who_knows_some_is_told_the_others_in_their_order(world: HitWorld) -> None:
    output = await world.output(named("a file"))
    sent = [authenticate(report_of("a file"), output) for _ in range(MAX_ENDS + 1)]
    late = authenticate(report_of("a file"), output)
    for each in sent:
        await world.hits().report_hit(SUBSET, each.to_bytes())
    await withdraw(world, "a file")
    with pytest.raises(NotFoundError):
        await world.hits().report_hit(SUBSET, late.to_bytes())
    first = await ended(world)
    rest = await ended(world, after=first[-1].report_id)
    assert (len(first), len(rest)) == (MAX_ENDS, 2)
    everything = [one.report_id for one in (*first, *rest)]
    assert set(everything[:-1]) == {each.report.report_id for each in sent}
    assert everything[-1] == late.report.report_id
    assert await ended(world, after=late.report.report_id) == ()
    assert await ended(world, after=b"unknown".ljust(16, b"."), partner=OTHER) == ()


async def test_a_shredded_hash_ends_its_reports_without_its_name(world: HitWorld) -> None:
    sent = await world.reported("a file")
    plan = prepare(world.fr.store, world.fr.origin, named("a file"))
    shred(world.fr.store, world.fr.origin, plan.position, reason=Reason.ERROR)
    world.fr.publish()
    [told] = await ended(world)
    assert open_end(told.end, sent.report, world.statement_keys).report_sha256 == sent.report.sha256()
    assert not taken(world.fr.store, records(world)[sent.report.report_id]).body


@pytest.mark.threat("a withdrawn hit reported")
async def test_a_release_between_judging_and_keeping_a_report_ends_it(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a report that arrives while a withdrawal is released would stand for ever."""
    sent = await world.evaluated("a file")
    world.fr.withdraw("a file", Reason.ERROR)
    world.fr.publish()
    loop, released = asyncio.get_running_loop(), list[ReleaseReport]()
    keep = reports.Reporting._keep

    def slow(self: reports.Reporting, *arguments: object, **named: object) -> HitRecord | None:
        if not released:
            released.append(asyncio.run_coroutine_threadsafe(world.release(), loop).result(30))
        return keep(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(reports.Reporting, "_keep", slow)
    with pytest.raises(NotFoundError):
        await world.hits().report_hit(SUBSET, sent.to_bytes())
    assert [one.report_id for one in await ended(world)] == [sent.report.report_id]


async def test_a_release_that_was_cut_off_ends_them_when_it_is_finished(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await world.reported("a file")
    world.fr.withdraw("a file", Reason.ERROR)
    with monkeypatch.context() as patched:
        patched.setattr("node.subsets.release.end_reports", _die)
        with pytest.raises(RuntimeError):
            await world.release()
    assert await ended(world) == ()
    await world.release()
    assert [one.report_id for one in await ended(world)] == [sent.report.report_id]


def _die(*_: object, **__: object) -> None:
    raise RuntimeError("killed")


async def test_a_report_that_ended_is_open_until_the_agency_closes_it(world: HitWorld) -> None:
    sent = await world.reported("a file")
    world.federation.clock.advance(timedelta(hours=1))
    await withdraw(world, "a file")
    record = records(world)[sent.report.report_id]
    assert record.ended_ms == milliseconds(world.fr.clock.now())
    with world.fr.store.write() as unit:
        unit.hits.end(record, ended_ms=1, version=9)
        unit.hits.close(record, closed_ms=world.fr.now_ms)
    after = records(world)[sent.report.report_id]
    assert (after.ended_ms, after.ended_version) == (record.ended_ms, 2), "the first end stays"
    assert [hit.state(world.fr.now_ms) for hit in reported_hits(world.fr.store)] == ["closed"]
    assert withdrawn_hits(world) == 0
