"""Reports of hits: taken once, of evaluated digests alone, and no oracle for anybody who guesses."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from node.access.quotas import Quotas
from node.errors import ConflictError, GoneError, NotFoundError, OverQuotaError, RateLimitedError, UsageError
from node.partners.hits import reports
from node.store.hits.records import HitRecord
from protocol.errors import MalformedError, UntrustedError
from protocol.limits import MAX_HIT_REPORT_BYTES
from protocol.lists.ext import Reason
from protocol.statement.receipt import open_receipt
from protocol.statement.report import SentReport, authenticate
from protocol.subset.canary import PRESENT
from support.hits import HOSTER, OTHER, QUOTA, SUBSET, HitWorld, hit_world, kept_reports, named, report_of


@pytest.fixture(params=[True, False], ids=["labels", "no labels"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, labels=request.param, begin=begin) as made:
        yield made


async def begin(world: HitWorld) -> None:
    world.list_both("a file", "another")
    world.fr.add("only here")
    await world.release()


def kept(world: HitWorld) -> list[HitRecord]:
    return kept_reports(world.fr.store)


async def test_a_report_is_answered_with_a_receipt_that_says_who_lists_it(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    receipt = open_receipt(
        await world.hits().report_hit(SUBSET, sent.to_bytes()), sent.report, world.statement_keys
    )
    assert (receipt.node, receipt.partner, receipt.version) == ("fr.example", HOSTER, 1)
    assert receipt.received_ms == world.fr.now_ms
    assert receipt.label.collection == 1
    assert [(source.number, source.index) for source in receipt.label.sources] == [(0, 0), (1, 0)]
    record = kept(world)[0]
    assert (record.partner, record.subset, record.version, record.collection) == (HOSTER, SUBSET, 1, 1)


async def test_the_same_report_is_one_report(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    api, left = world.hits(), world.quota_left()
    first = await api.report_hit(SUBSET, sent.to_bytes())
    world.federation.advance(hours=1)
    left = world.quota_left()
    again = await asyncio.gather(*(api.report_hit(SUBSET, sent.to_bytes()) for _ in range(5)))
    assert set(again) == {first}
    assert len(kept(world)) == 1
    assert world.quota_left() == left


async def test_reports_that_arrive_together_are_one_report(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    found = await asyncio.gather(*(world.hits().report_hit(SUBSET, sent.to_bytes()) for _ in range(6)))
    assert len(set(found)) == 1
    assert len(kept(world)) == 1


async def test_an_id_is_used_for_one_report(world: HitWorld) -> None:
    sent = await world.reported("a file")
    other = replace(report_of("another"), report_id=sent.report.report_id)
    authenticated = authenticate(other, await world.output(other.digest))
    with pytest.raises(ConflictError):
        await world.hits().report_hit(SUBSET, authenticated.to_bytes())


async def test_two_partners_may_use_the_same_id_and_learn_nothing_of_each_other(world: HitWorld) -> None:
    sent = await world.reported("a file")
    theirs = replace(report_of("another", partner=OTHER), report_id=sent.report.report_id)
    authenticated = authenticate(theirs, await world.output(theirs.digest, partner=OTHER))
    await world.hits(OTHER).report_hit(SUBSET, authenticated.to_bytes())
    assert {record.partner for record in kept(world)} == {HOSTER, OTHER}


def _databases(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("sigfed.db*"))


# ------------------------------------------------------------------ no oracle


@pytest.mark.threat("a made-up hit")
async def test_a_guess_tells_nothing_and_is_paid_for(world: HitWorld) -> None:
    listed = authenticate(report_of("a file"), os.urandom(64))
    absent = authenticate(report_of("not on any list"), os.urandom(64))
    texts = set()
    for sent in (listed, absent):
        with pytest.raises(UntrustedError) as caught:
            await world.hits().report_hit(SUBSET, sent.to_bytes())
        texts.add(str(caught.value))
    assert texts == {"the hit report does not verify"}
    assert world.quota_left() == QUOTA - 2
    assert kept(world) == []


async def test_guessing_ends_with_the_quota_and_hits_do_not(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    Quotas(world.fr.store).spend(HOSTER, world.quota_left(), now=world.fr.clock.now())
    guess = authenticate(report_of("a file"), os.urandom(64))
    with pytest.raises(OverQuotaError):
        await world.hits().report_hit(SUBSET, guess.to_bytes())
    assert await world.hits().report_hit(SUBSET, sent.to_bytes())


@pytest.mark.threat("a made-up hit")
async def test_a_report_of_another_partner_is_a_guess(world: HitWorld) -> None:
    stolen = await world.evaluated("a file", partner=OTHER)
    with pytest.raises(UntrustedError, match="does not verify"):
        await world.hits(HOSTER).report_hit(SUBSET, stolen.to_bytes())
    assert world.quota_left(HOSTER) == QUOTA - 1


@pytest.mark.threat("a made-up hit")
async def test_what_authenticates_one_digest_reports_no_other(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    other = SentReport(replace(sent.report, digest=named("another")), sent.mac)
    with pytest.raises(UntrustedError):
        await world.hits().report_hit(SUBSET, other.to_bytes())


@pytest.mark.parametrize("name", ["not on any list", "only here"])
async def test_what_was_asked_about_and_is_not_listed_is_not_taken(world: HitWorld, name: str) -> None:
    sent = await world.evaluated(name)
    with pytest.raises(NotFoundError):
        await world.hits().report_hit(SUBSET, sent.to_bytes())
    assert kept(world) == []


@pytest.mark.parametrize(
    "data", [b"", b"x" * 40, b"x" * (MAX_HIT_REPORT_BYTES + 1)], ids=["empty", "noise", "long"]
)
async def test_what_is_no_report_costs_nothing_and_is_refused(world: HitWorld, data: bytes) -> None:
    with pytest.raises(MalformedError):
        await world.hits().report_hit(SUBSET, data)
    assert world.quota_left() == QUOTA


async def test_no_report_of_another_subset_epoch_release_or_of_the_test_file(world: HitWorld) -> None:
    report = report_of("a file")
    output = await world.output(report.digest)
    cases: list[tuple[dict[str, object], type[Exception]]] = [
        ({"subset_id": b"s" * 16}, UsageError),
        ({"digest": PRESENT}, UsageError),
        ({"epoch": 2}, GoneError),
        ({"version": 2}, NotFoundError),
    ]
    for change, error in cases:
        changed = replace(report, **change)  # type: ignore[arg-type]
        with pytest.raises(error):
            await world.hits().report_hit(SUBSET, authenticate(changed, output).to_bytes())
    with pytest.raises(NotFoundError):
        await world.hits().report_hit("other", authenticate(report, output).to_bytes())


# ------------------------------------------------------------------ later


async def test_a_hit_of_an_older_release_is_taken_with_that_release(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    world.list_both("more")
    await world.release()
    receipt = open_receipt(
        await world.hits().report_hit(SUBSET, sent.to_bytes()), sent.report, world.statement_keys
    )
    assert receipt.version == 1


async def test_what_the_newest_release_lists_no_more_is_judged_by_that(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    for agency in world.agencies:
        agency.withdraw("a file", Reason.LEGAL)
    await world.release()
    for _ in range(2):
        with pytest.raises(NotFoundError, match="newest release does not list it"):
            await world.hits().report_hit(SUBSET, sent.to_bytes())
    record = kept(world)[0]
    assert (record.version, record.ended_version, record.ended_ms) == (1, 2, record.received_ms)
    newer = await world.evaluated("a file", version=2)
    with pytest.raises(NotFoundError):
        await world.hits().report_hit(SUBSET, newer.to_bytes())


async def test_a_release_whose_files_are_gone_is_answered_with_the_newest(world: HitWorld) -> None:
    sent = await world.evaluated("a file")
    world.list_both("more")
    await world.release()
    for name in list(world.fr.objects.ls(f"releases/{SUBSET}/1-")):
        if not name.endswith("/labels"):  # those of the newest are made of them
            world.fr.objects.delete(name)
    receipt = open_receipt(
        await world.hits().report_hit(SUBSET, sent.to_bytes()), sent.report, world.statement_keys
    )
    assert receipt.version == 2


async def test_what_an_epochs_end_costs_is_given_back_within_a_cap(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_GIVEN_BACK", 2)
    report = report_of("a file")
    output = await world.output(report.digest)
    Quotas(world.fr.store).spend(HOSTER, 500, now=world.fr.clock.now())
    left = world.quota_left()
    gained = []
    for _ in range(3):
        again = replace(report, found_epoch=0, report_id=os.urandom(16))
        sent = authenticate(again, output).to_bytes()
        for _ in range(2):
            await world.hits().report_hit(SUBSET, sent)
        gained.append(world.quota_left() - left)
    assert gained == [64, 128, 128]


@pytest.mark.threat("a made-up hit")
async def test_no_partner_fills_the_table_with_reports_of_one_digest(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_A_DAY", 3)
    output = await world.output(named("a file"))
    sent = [authenticate(report_of("a file"), output).to_bytes() for _ in range(4)]
    api = world.hits()
    receipts = [await api.report_hit(SUBSET, each) for each in sent[:3]]
    with pytest.raises(RateLimitedError):
        await api.report_hit(SUBSET, sent[3])
    assert await api.report_hit(SUBSET, sent[0]) == receipts[0], "it was taken before"
    theirs = await world.evaluated("a file", partner=OTHER)
    assert await world.hits(OTHER).report_hit(SUBSET, theirs.to_bytes())
    world.federation.advance(days=1, seconds=1)
    assert await api.report_hit(SUBSET, sent[3])


@pytest.mark.threat("masses of reports")
async def test_no_partner_has_releases_read_without_end(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_UNLISTED", 2)
    asked = (await world.evaluated("nobody lists it")).to_bytes()
    listed = await world.evaluated("a file")
    api = world.hits()
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await api.report_hit(SUBSET, asked)
    for report in (asked, listed.to_bytes()):
        with pytest.raises(RateLimitedError):
            await api.report_hit(SUBSET, report)
    world.federation.advance(hours=1)
    assert await api.report_hit(SUBSET, listed.to_bytes())


async def test_neither_tables_nor_errors_hold_a_digest(world: HitWorld, tmp_path: Path) -> None:
    sent = await world.reported("a file")
    value = named("a file").value
    for record in kept(world):
        assert value.hex() not in repr(record)
        with world.fr.store.read() as unit:
            assert value not in unit.hits.sealed(record)
    with suppress(UntrustedError):
        await world.hits().report_hit(SUBSET, authenticate(report_of("a file"), b"g" * 64).to_bytes())
    stored = _databases(tmp_path)
    assert value not in stored
    assert sent.report.sha256() not in stored, "whoever guesses the digest could test it against that hash"
