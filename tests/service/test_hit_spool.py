"""The partner's spool: what is found is kept before it is told, is reported once, and survives what the node does."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from keys.key import StatementPrivateKey
from node.clock import DAY_MS
from node.errors import (
    ConflictError,
    GoneError,
    NodeError,
    NotFoundError,
    OverQuotaError,
    PeerRefusedError,
    PeerUnreachableError,
    StoreError,
    UsageError,
    VerificationError,
)
from node.files import encode_state
from node.home import Home
from node.hoster.hits import exchange
from node.hoster.hits.resolutions import Action
from node.hoster.hits.sender import HitSender
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.lookup.examiner import Examiner, Hit
from node.hoster.store.database import Row
from node.hoster.store.kinds import Kind
from protocol.statement.case import CaseAnswer, CaseState, Outcome
from protocol.statement.report import Evaluated, HitReport, SentReport
from support.digest_search import DigestSearch
from support.hits import HOSTER, OTHER, SUBSET, hit_world, kept_reports, report_of
from support.partner_rows import bodies, replace_body, spoil
from support.spooling import HIT, SENT, Api, Partner, recorded


@pytest.fixture
def spool(tmp_path: Path) -> HitSpool:
    return HitSpool(tmp_path)


def test_a_hit_is_kept_as_a_private_file(spool: HitSpool, tmp_path: Path) -> None:
    kept = recorded(spool, name="\udcff\n.jpg")
    assert spool.ls() == [kept]
    assert (kept.state, kept.countries, kept.waiting) == ("waiting", ("FR", "NL"), True)
    for name in ("state.db", "hits.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    search = DigestSearch(frozenset({SENT.report.digest.value}))
    data = (tmp_path / "state.db").read_bytes()
    assert search.sightings_in({"spool": data}) == [], "a copy of the rows tells no hash"


def test_no_sealed_report_stands_in_for_another(spool: HitSpool, tmp_path: Path) -> None:
    kept = recorded(spool)
    replace_body(tmp_path, Kind.HIT, "0" * 32, bodies(tmp_path, Kind.HIT)[kept.id])
    with pytest.raises(StoreError):
        spool.ls()


@pytest.mark.parametrize("action", [Action.DISABLED, Action.PRESERVED, Action.FALSE_POSITIVE])
def test_what_is_still_there_and_was_dealt_with_is_no_new_hit(spool: HitSpool, action: Action) -> None:
    first = recorded(spool)
    spool.save(replace(first, action=action, resolved_ms=3000))
    again = replace(HIT, report=replace(SENT, report=replace(SENT.report, report_id=b"2" * 16)))
    assert recorded(spool, again, now_ms=4000).id == first.id
    spool.drop(first)
    assert recorded(spool, again, now_ms=4000).id != first.id, "what was purged is not remembered"


def test_the_same_file_and_hash_is_the_same_hit_until_it_is_removed(spool: HitSpool) -> None:
    again = replace(HIT, report=replace(SENT, report=replace(SENT.report, report_id=b"2" * 16)))
    first = recorded(spool)
    assert recorded(spool, again, now_ms=2000) == first
    assert recorded(spool, again, name="b.jpg").id != first.id
    spool.save(replace(first, action=Action.REMOVED, resolved_ms=3000))
    back = replace(HIT, report=replace(SENT, report=replace(SENT.report, report_id=b"3" * 16)))
    assert recorded(spool, back, now_ms=4000).found_ms == 4000
    assert len(spool.ls()) == 3


def test_what_others_did_is_known(spool: HitSpool, tmp_path: Path) -> None:
    others = HitSpool(tmp_path)
    for number in range(5):
        recorded(others, _found(number), name=f"{number}.jpg")
    ids = {hit.name: hit.id for hit in spool.ls()}
    others.save(replace(others.get(ids["2.jpg"]), action=Action.REMOVED, resolved_ms=3000))
    others.drop(others.get(ids["3.jpg"]))
    others.save(replace(others.get(ids["4.jpg"]), action=Action.DISABLED, resolved_ms=3000))

    def again(number: int) -> str:
        return recorded(spool, _found(100 + number), name=f"{number}.jpg", now_ms=5000).id

    assert again(1) == ids["1.jpg"]
    assert again(2) not in ids.values(), "it was removed, and is back"
    assert again(3) not in ids.values(), "what was purged is not remembered"
    assert again(4) == ids["4.jpg"]


def test_a_damaged_hit_keeps_no_other_from_being_known(spool: HitSpool, tmp_path: Path) -> None:
    first, second = (recorded(spool, _found(number), name=f"{number}.jpg") for number in range(2))
    spoil(tmp_path, Kind.HIT, first.id)
    assert recorded(spool, _found(7), name="1.jpg").id == second.id


def _found(number: int) -> Hit:
    report = replace(SENT.report, report_id=number.to_bytes(16), digest=SENT.report.digest)
    return replace(HIT, report=replace(SENT, report=report))


def test_the_test_file_is_no_hit(spool: HitSpool) -> None:
    assert spool.record(replace(HIT, report=None), name="test", now_ms=0) is None
    assert spool.ls() == []


@pytest.mark.threat("two files with one hash")
def test_a_weak_hit_stays_marked(spool: HitSpool) -> None:
    assert recorded(spool, replace(HIT, weak=True)).weak
    assert spool.ls()[0].weak


def test_a_day_without_a_resolution_is_too_long(spool: HitSpool) -> None:
    kept = recorded(spool, now_ms=0)
    assert not kept.overdue(DAY_MS)
    assert kept.overdue(DAY_MS + 1)
    assert not replace(kept, action=Action.PRESERVED).overdue(DAY_MS + 1)


def test_an_id_is_found_by_its_first_digits(spool: HitSpool) -> None:
    twins = [b"\xab\xcd\xef" + bytes([number]) + os.urandom(12) for number in (1, 2)]
    for twin in twins:
        report = replace(SENT, report=replace(SENT.report, report_id=twin))
        recorded(spool, replace(HIT, report=report), name=twin.hex())
    assert spool.get(twins[0].hex()[:8].upper()).sent.report.report_id == twins[0]
    for text, error in (("abc", UsageError), ("abcdef", UsageError), ("0000", NotFoundError)):
        with pytest.raises(error):
            spool.get(text)


@pytest.mark.parametrize("data", [b"\0", b"{}", b"[]", b'{"v":1,"report":"AA=="}', b"\xff"])
@pytest.mark.parametrize("damage", [spoil, replace_body])
def test_a_damaged_row_is_said_and_not_skipped(
    spool: HitSpool, tmp_path: Path, data: bytes, damage: Callable[[Path, Kind, str, bytes], None]
) -> None:
    kept = recorded(spool)
    damage(tmp_path, Kind.HIT, kept.id, data)
    with pytest.raises(StoreError, match="is damaged"):
        spool.ls()


def test_one_damaged_row_stops_nothing_else(spool: HitSpool, tmp_path: Path) -> None:
    """A hit was paid for and must reach a person, whatever the disk did to an older one."""
    damaged = recorded(spool)
    spoil(tmp_path, Kind.HIT, damaged.id)
    later = replace(HIT, report=replace(SENT, report=replace(SENT.report, report_id=b"2" * 16)))
    kept = recorded(spool, later, name="b.jpg")
    assert spool.get(kept.id) == kept
    assert spool.readable().hits == [kept]
    assert spool.readable().damage is not None
    with pytest.raises(StoreError, match="is damaged"):
        spool.get(damaged.id)


def test_finding_files_again_opens_no_other_hit(
    spool: HitSpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch may have thousands of them."""
    for number in range(20):
        recorded(spool, _found(number), name=f"{number}.jpg")
    opened: list[str] = []
    whole = HitSpool._open

    def counted(self: HitSpool, row: Row) -> SpooledHit:
        opened.append(row.name)
        return whole(self, row)

    monkeypatch.setattr(HitSpool, "_open", counted)
    batch = HitSpool(tmp_path)
    for number in range(15, 40):
        recorded(batch, _found(100 + number), name=f"{number}.jpg")
    assert opened == [_id(number) for number in range(15, 20)]


def _id(number: int) -> str:
    return number.to_bytes(16).hex()


FIRST_FIELDS = (
    *("v", "report", "receipt", "name", "found_ms", "collection", "countries", "weak", "refused", "case"),
    *("action", "resolved_ms"),
)


@pytest.mark.parametrize("reported", [False, True])
def test_a_hit_of_the_first_version_is_read(spool: HitSpool, tmp_path: Path, *, reported: bool) -> None:
    kept = recorded(spool)
    spool.save(replace(kept, receipt=b"r" if reported else b"", tag=b"t" * 8, ended_ms=5, late=True))
    fields = json.loads(bodies(tmp_path, Kind.HIT)[kept.id])
    of_before = encode_state({name: fields[name] for name in FIRST_FIELDS})
    replace_body(tmp_path, Kind.HIT, kept.id, of_before)
    [hit] = spool.ls()
    assert (hit.sent, hit.name, hit.tried) == (kept.sent, kept.name, reported)
    assert (hit.tag, hit.ended_ms, hit.late, hit.waiting) == (b"", 0, False, not reported)


# ------------------------------------------------------------------ with a node


@pytest.fixture
async def partner(tmp_path: Path, spool: HitSpool) -> AsyncIterator[Partner]:
    async with hit_world(tmp_path, listed=["a file", "another"]) as world:
        yield Partner(world, spool, Api(world, HOSTER))


async def test_a_reported_hit_has_a_receipt_and_is_not_reported_again(partner: Partner) -> None:
    hit = await partner.report(await partner.find("a file"))
    assert (hit.state, hit.collection) == ("reported", "baseline")
    assert partner.sender.receipt(hit).version == 1
    calls = partner.api.calls
    assert await partner.report(hit) == hit
    assert partner.api.calls == calls
    assert [each for each in partner.spool.ls() if each.waiting] == []


async def test_a_lost_reply_is_asked_for_again(partner: Partner) -> None:
    hit = await partner.find("a file")
    partner.api.failing = PeerUnreachableError("no connection")
    with pytest.raises(PeerUnreachableError):
        await partner.report(hit)
    assert [each for each in partner.spool.ls() if each.waiting] == [replace(hit, tried=True)]
    partner.api.failing = None
    assert (await partner.report(hit)).state == "reported"
    assert len(kept_reports(partner.world.fr.store)) == 1


async def test_a_receipt_that_is_not_the_nodes_for_this_report_is_refused(partner: Partner) -> None:
    hit = await partner.find("a file")
    good = partner.sender.receipt(await partner.report(hit))
    signer, stranger = partner.world.statement_key, StatementPrivateKey.from_seed(b"x" * 32)
    other = await partner.find("another")
    false = [
        good.signed(signer),
        replace(good, report_id=other.sent.report.report_id).signed(signer),
        good.signed(stranger),
        b"{}",
        b"",
    ]
    for data in false:
        partner.api.meddle = lambda _, data=data: data  # type: ignore[misc]
        with pytest.raises(VerificationError):
            await partner.report(other)
        assert partner.spool.get(other.id).waiting
    named = replace(
        good,
        node="nl.example",
        report_id=other.sent.report.report_id,
        report_sha256=other.sent.report.sha256(),
    )
    partner.api.meddle = lambda _: named.signed(signer)
    with pytest.raises(VerificationError, match="another node's"):
        await partner.report(other)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotFoundError("no"), "the list does not have it any more"),
        (PeerRefusedError("no", status=422), "the node does not accept this report"),
    ],
)
async def test_what_the_node_does_not_take_stays_with_the_reason(
    partner: Partner, error: NodeError, words: str
) -> None:
    hit = await partner.find("a file")
    partner.api.failing = error
    refused = await partner.report(hit)
    assert (refused.state, refused.refused) == ("refused", words)
    assert [each for each in partner.spool.ls() if each.waiting] == []
    partner.api.failing = None
    assert (await partner.report(refused)).state == "reported", "named, it can be tried again"


@pytest.mark.parametrize("error", [PeerRefusedError("failed", status=500), GoneError("over")])
async def test_what_may_pass_is_not_taken_for_a_refusal(partner: Partner, error: NodeError) -> None:
    hit = await partner.find("a file")
    partner.api.failing = error
    with pytest.raises(type(error)):
        await partner.report(hit)
    assert [each for each in partner.spool.ls() if each.waiting] == [replace(hit, tried=True)]


@pytest.mark.parametrize("tried", [False, True])
async def test_a_hit_of_an_epoch_that_is_over_is_evaluated_again(partner: Partner, *, tried: bool) -> None:
    now = await partner.find("a file")
    old = replace(now.sent, report=replace(now.sent.report, epoch=0, report_id=os.urandom(16)))
    stale, left = partner.spool.renew(now, Evaluated(old, now.tag)), partner.world.quota_left()
    hit = await partner.report(replace(stale, tried=tried))
    assert partner.world.quota_left() == left, "free of quota"
    assert (hit.state, hit.sent.report.epoch, hit.found_ms) == ("reported", 1, now.found_ms)
    assert hit.sent.report.found_epoch == 0
    assert partner.spool.ls() == [hit]


async def test_where_the_quota_is_used_up_what_needs_none_is_reported(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The hit of an epoch that is over is the oldest, and has to be evaluated again."""
    now = await partner.find("a file")
    old = replace(now.sent, report=replace(now.sent.report, epoch=0, report_id=os.urandom(16)))
    stale = partner.spool.renew(replace(now, found_ms=1), Evaluated(old, now.tag))
    fresh = await partner.find("another")

    async def used_up(_examiner: Examiner, _old: object) -> list[Evaluated]:
        raise OverQuotaError("used up", retry_after_seconds=60)

    @asynccontextmanager
    async def reporting(_home: Home, _spool: HitSpool) -> AsyncIterator[tuple[HitSender, Examiner]]:
        yield partner.sender, partner.examiner

    monkeypatch.setattr(Examiner, "again", used_up)
    monkeypatch.setattr(exchange, "reporting", reporting)
    monkeypatch.setattr(exchange, "alone", lambda _home: nullcontext(partner.spool))
    done = await exchange.report(Home(tmp_path), ())
    assert [hit.id for hit in done.hits] == [fresh.id]
    assert (type(done.stopped), done.left) == (OverQuotaError, 1)
    assert [hit.id for hit in partner.spool.ls() if hit.waiting] == [stale.id]


async def test_of_an_epoch_that_is_over_the_node_is_asked_first_whether_it_has_the_report(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another report of the hit would be a second one there; the same gets its receipt when the epoch is over, too."""
    hit = await partner.find("a file")
    partner.api.failing = PeerUnreachableError("no connection")
    with pytest.raises(PeerUnreachableError):
        await partner.report(hit)
    partner.api.failing = None
    monkeypatch.setattr(Examiner, "epoch", 2)
    monkeypatch.setattr(Examiner, "answers", lambda _examiner, _epoch: False)
    reported = await partner.report(partner.spool.get(hit.id))
    assert (reported.state, reported.id) == ("reported", hit.id)
    assert len(kept_reports(partner.world.fr.store)) == 1


async def test_what_an_older_epoch_found_and_the_newest_release_does_not_list(partner: Partner) -> None:
    now = await partner.find("a file")
    gone = HitReport(
        partner=HOSTER,
        subset_id=now.sent.report.subset_id,
        epoch=0,
        version=1,
        digest=report_of("withdrawn").digest,
        report_id=os.urandom(16),
    )
    hit = await partner.report(partner.spool.renew(now, Evaluated(SentReport(gone, b"m" * 32), now.tag)))
    assert (hit.state, hit.receipt) == ("withdrawn", b"")


async def test_evidence_is_verified_before_it_is_handed_on(partner: Partner) -> None:
    hit = await partner.find("a file")
    with pytest.raises(UsageError, match="not reported yet"):
        await partner.sender.evidence(hit)
    hit = await partner.report(hit)
    data = await partner.sender.evidence(hit)
    other = await partner.report(await partner.find("another"))
    partner.api.meddle = lambda _: data
    with pytest.raises(VerificationError, match="of another hit"):
        await partner.sender.evidence(other)
    partner.api.meddle = lambda data: data[:-1]
    with pytest.raises(VerificationError, match="does not verify"):
        await partner.sender.evidence(hit)


async def test_a_dispute_opens_one_case_and_its_answer_is_verified(partner: Partner) -> None:
    hit = await partner.report(await partner.find("a file"))
    disputed = await partner.sender.dispute(hit, reason="our logo", contact="abuse@hoster.example")
    assert disputed.state == "disputed"
    assert await partner.sender.dispute(hit, reason="our logo", contact="abuse@hoster.example") == disputed
    with pytest.raises(ConflictError):
        await partner.sender.dispute(hit, reason="other words", contact="")
    assert partner.sender.answer(disputed) is None
    world = partner.world
    record = world.casework.ls()[0]
    assert world.casework.show(record).dispute.reason == "our logo"
    world.casework.answer(record, Outcome.UPHELD, "our mistake", signer=world.statement_key)
    answered = await partner.sender.ask_case(disputed)
    answer = partner.sender.answer(answered)
    assert answer is not None
    assert (answer.outcome, answer.reason) == (Outcome.UPHELD, "our mistake")
    assert partner.spool.get(hit.id) == answered


async def test_an_answer_that_is_not_the_nodes_is_refused(partner: Partner) -> None:
    hit = await partner.report(await partner.find("a file"))
    disputed = await partner.sender.dispute(hit, reason="our logo", contact="")
    answer = CaseAnswer(
        partner=HOSTER,
        report_id=hit.sent.report.report_id,
        outcome=Outcome.REJECTED,
        reason="no",
        answered_ms=0,
    )
    false = [
        answer.signed(StatementPrivateKey.from_seed(b"x" * 32)),
        replace(answer, partner=OTHER).signed(partner.world.statement_key),
        b"{}",
    ]
    for data in false:
        state = CaseState(opened_ms=0, due_ms=0, answer=data).to_bytes()
        partner.api.meddle = lambda _, state=state: state  # type: ignore[misc]
        with pytest.raises(VerificationError):
            await partner.sender.ask_case(disputed)
    partner.api.meddle = lambda _: b"noise"
    with pytest.raises(VerificationError):
        await partner.sender.ask_case(disputed)
    assert partner.spool.get(hit.id) == disputed


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 501])
async def test_words_that_do_not_fit_are_not_sent(partner: Partner, reason: str) -> None:
    hit = await partner.report(await partner.find("a file"))
    calls = partner.api.calls
    with pytest.raises(UsageError):
        await partner.sender.dispute(hit, reason=reason, contact="")
    assert partner.api.calls == calls


async def test_a_case_is_its_partners_alone(partner: Partner) -> None:
    hit = await partner.report(await partner.find("a file"))
    await partner.sender.dispute(hit, reason="our logo", contact="")
    theirs = partner.world.hits(OTHER)
    with pytest.raises(NotFoundError):
        await theirs.case(SUBSET, hit.id)
    with pytest.raises(NotFoundError):
        await theirs.open_case(SUBSET, _dispute(hit))


def _dispute(hit: SpooledHit) -> bytes:
    from protocol.statement.case import PartnerDispute

    return PartnerDispute(report_id=hit.sent.report.report_id, reason="mine", contact="").to_bytes()


async def test_cases_are_due_after_a_week_and_the_overdue_come_first(partner: Partner) -> None:
    world = partner.world
    first = await partner.report(await partner.find("a file"))
    await partner.sender.dispute(first, reason="our logo", contact="")
    world.federation.advance(days=6, hours=23)
    second = await partner.report(await partner.find("another"))
    await partner.sender.dispute(second, reason="our banner", contact="")
    assert world.casework.overdue() == []
    world.federation.advance(hours=2)
    assert [case.report_id.hex() for case in world.casework.overdue()] == [first.id]
    assert [case.report_id.hex() for case in world.casework.ls()] == [first.id, second.id]
    world.casework.answer(world.casework.ls()[0], Outcome.REJECTED, "no", signer=world.statement_key)
    assert [case.report_id.hex() for case in world.casework.ls()] == [second.id, first.id]
    with pytest.raises(ConflictError):
        world.casework.answer(world.casework.ls()[1], Outcome.UPHELD, "yes", signer=world.statement_key)
    for reason in ("", "two\nlines", "x" * 501):
        with pytest.raises(UsageError):
            world.casework.answer(world.casework.ls()[0], Outcome.UPHELD, reason, signer=world.statement_key)


async def test_a_resolution_keeps_its_first_time(partner: Partner) -> None:
    hit = await partner.find("a file")
    done = partner.sender.resolve(hit, Action.REMOVED)
    partner.world.federation.advance(hours=1)
    assert partner.sender.resolve(done, Action.REMOVED) == done
    assert partner.sender.resolve(done, Action.PRESERVED).resolved_ms > done.resolved_ms
