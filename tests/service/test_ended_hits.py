"""The partner's hits that no release lists any more: judged without a question, and believed when the node signs it."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.key import StatementPrivateKey
from keys.trust.statement import seal_statement
from node.clock import milliseconds
from node.errors import NotFoundError, PeerUnreachableError, VerificationError
from node.hoster.hits import sender
from node.hoster.hits.ends import UNJUDGED_AT_ONCE, judge_again, keep_outputs, unjudged
from node.hoster.hits.notifier import NotNotified, why_not
from node.hoster.hits.resolutions import Action
from node.hoster.hits.retention import expired, is_finished
from node.hoster.hits.sender import MAX_FULL_PAGES, HitSender
from node.hoster.hits.spool import HitSpool, Readable, SpooledHit
from node.objects.release_files import ReleaseFolder
from protocol.digest import Algorithm, Digest
from protocol.limits import MAX_ENDS
from protocol.lists.event import BASELINE
from protocol.lists.ext import Reason
from protocol.statement.end import FROM_THE_FIRST, Ended, EndedReports, ReportEnd
from protocol.statement.report import SentReport
from protocol.subset.files import Held
from protocol.subset.filter import EXACT, ScreenRule, SubsetFilter
from support.hits import HOSTER, SUBSET, HitWorld, hit_world, kept_reports, named, report_of
from support.lists import digest
from support.releases import listed_of
from support.spooling import HIT, Api, Partner, recorded

MIXED = SubsetFilter(
    collections=frozenset({BASELINE}),
    algorithms=EXACT | {Algorithm.PDQ},
    screen_bits=12,
    labels=True,
    screen_rule=ScreenRule.STRONGEST,
)


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[Partner]:
    async with hit_world(tmp_path, listed=["a file", "another"]) as world:
        yield Partner(world, HitSpool(tmp_path / "partner"), Api(world, HOSTER))


def held(world: HitWorld) -> Held:
    with world.fr.store.read() as unit:
        newest = unit.releases.newest(SUBSET)
    assert newest is not None
    return ReleaseFolder(world.fr.store, newest).load()


async def withdraw(partner: Partner, name: str, reason: Reason = Reason.ERROR) -> list[SpooledHit]:
    """What the partner's update then ends."""
    partner.world.fr.withdraw(name, reason)
    partner.world.federation.advance(hours=1)
    await partner.world.release()
    return judge_again(partner.spool, held(partner.world), now_ms=milliseconds(partner.world.fr.clock.now()))


async def found_by_two_hashes(partner: Partner) -> SpooledHit:
    hit = (await partner.examiner.examine([[named("a file"), named("another")]]))[0]
    assert hit is not None
    return recorded(partner.spool, hit, name="both.jpg", now_ms=partner.world.fr.now_ms)


async def test_what_waits_is_closed_without_a_question(partner: Partner) -> None:
    gone, stands = await partner.find("a file"), await partner.find("another")
    left = partner.world.quota_left()
    [ended] = await withdraw(partner, "a file")
    assert (ended.id, ended.state, ended.waiting, ended.unresolved) == (gone.id, "withdrawn", False, False)
    assert not ended.to_undo
    assert partner.spool.get(stands.id).waiting
    assert partner.world.quota_left() >= left, "nothing is asked"
    assert judge_again(partner.spool, held(partner.world), now_ms=1) == [], "once"
    assert await partner.report(ended) == ended
    assert partner.api.calls == 0, "it is not reported"
    now_ms = milliseconds(partner.world.fr.clock.now())
    assert is_finished(ended)
    assert expired(partner.spool, before_ms=now_ms, tells=True) == []
    assert expired(partner.spool, before_ms=now_ms + 1, tells=True) == [ended]


async def test_hits_of_an_earlier_version_are_evaluated_a_few_at_a_time(partner: Partner) -> None:
    """What was closed, reported or judged meanwhile is not asked about, nor what another epoch found."""
    hits = [await partner.find("a file")]
    for number in range(UNJUDGED_AT_ONCE + 2):
        report = replace(hits[0].sent.report, report_id=bytes([number]) * 16)
        sent = replace(hits[0].sent, report=report)
        hits.append(
            replace(hits[0], sent=sent, tag=b"", found_ms=hits[0].found_ms + number, name=f"{number}")
        )
    told, other, *waiting = hits[1:]
    stale = replace(other, sent=replace(other.sent, report=replace(other.sent.report, epoch=0)))
    for hit in (*waiting, replace(told, receipt=b"r"), stale):
        partner.spool.save(hit)
    release = held(partner.world)
    assert unjudged(partner.spool, release) == waiting
    partner.spool.save(replace(hits[0], name="one more", tag=b"", found_ms=1))
    asked = unjudged(partner.spool, release)
    assert [hit.name for hit in asked] == ["one more", *(hit.name for hit in waiting[:-1])]
    partner.spool.drop(asked[0])
    keep_outputs(partner.spool, asked, [bytes(64)] * len(asked))
    assert unjudged(partner.spool, release) == waiting[-1:]
    assert {hit.id for hit in judge_again(partner.spool, release, now_ms=1)} == {
        hit.id for hit in waiting[:-1]
    }


async def test_one_that_is_listed_by_another_hash_reports_that_one(partner: Partner) -> None:
    hit = await found_by_two_hashes(partner)
    assert await withdraw(partner, "a file") == []
    [left] = partner.spool.ls()
    assert (left.name, left.found_ms, left.state) == (hit.name, hit.found_ms, "waiting")
    assert left.sent.report.digest == named("another")
    assert (await partner.report(left)).state == "reported"


async def test_of_a_reported_file_another_hash_waits_and_nothing_is_undone(partner: Partner) -> None:
    hit = await partner.report(await found_by_two_hashes(partner))
    [ended] = await withdraw(partner, "a file")
    [old, new] = sorted(partner.spool.ls(), key=lambda each: each.waiting)
    assert (old, old.id, old.instead, old.to_undo) == (ended, hit.id, new.id, False)
    assert (new.name, new.sent.report.digest, new.others) == (hit.name, named("another"), ())
    assert (await partner.report(new)).state == "reported"


@pytest.mark.parametrize("reported", [False, True], ids=["waiting", "reported"])
async def test_a_hit_that_takes_the_place_of_another_keeps_what_was_done_about_it(
    partner: Partner, *, reported: bool
) -> None:
    """The machine went down after the new one was written, and before the old one was ended or gone."""
    old = await found_by_two_hashes(partner)
    old = await partner.report(old) if reported else old
    await withdraw(partner, "a file")
    [new] = [hit for hit in partner.spool.ls() if hit.waiting]
    partner.spool.save(old)
    done = partner.sender.resolve(await partner.report(new), Action.REMOVED)
    judge_again(partner.spool, held(partner.world), now_ms=1)
    kept = {hit.id: hit for hit in partner.spool.ls()}
    assert kept.pop(new.id) == done
    assert [hit.instead for hit in kept.values()] == ([new.id] if reported else [])


@pytest.mark.threat("a withdrawn hit reported")
@pytest.mark.parametrize("reported", [False, True], ids=["waiting", "reported"])
async def test_what_is_left_of_a_file_is_judged_anew(partner: Partner, *, reported: bool) -> None:
    """Nobody but a person decides on an MD5 alone, and the label of the other hash is not its."""
    for agency in partner.world.agencies:
        agency.add("a file", algorithm=Algorithm.MD5)
    await partner.world.release()
    [found] = await partner.examiner.examine([[digest("a file", Algorithm.MD5), named("a file")]])
    assert found is not None
    hit = recorded(partner.spool, found)
    assert (hit.weak, hit.countries) == (False, ("FR", "NL"))
    if reported:
        await partner.report(hit)
    await withdraw(partner, "a file")
    [left] = [each for each in partner.spool.ls() if each.waiting]
    assert left.sent.report.digest == digest("a file", Algorithm.MD5)
    assert (left.weak, left.countries) == (True, ())
    assert why_not(await partner.report(left), None, named_by_person=False) is NotNotified.WEAK


async def test_a_reported_one_is_to_be_undone_until_somebody_says_so(partner: Partner) -> None:
    hit = await partner.report(await partner.find("a file"))
    hit = await partner.sender.tell(partner.sender.resolve(hit, Action.REMOVED))
    await withdraw(partner, "a file")
    [heard] = await partner.sender.hear_ends()
    assert (heard.state, heard.to_undo, is_finished(heard)) == ("withdrawn", True, False)
    assert why_not(heard, None, named_by_person=True) is NotNotified.WITHDRAWN
    end = partner.sender.end(heard)
    assert end is not None
    assert (end.version, end.node) == (2, "fr.example")
    assert await partner.sender.hear_ends() == [], "it is told once"
    partner.world.federation.advance(hours=1)
    undone = partner.sender.resolve(heard, Action.REMOVED)
    assert (undone.state, undone.to_undo, len(undone.before)) == ("resolved", False, 1), (
        "said again, it is news"
    )
    assert partner.sender.resolve(undone, Action.REMOVED) == undone


async def test_a_late_report_has_its_receipt_and_its_end(partner: Partner) -> None:
    hit = await partner.find("a file")
    partner.world.fr.withdraw("a file", Reason.ERROR)
    await partner.world.release()
    late = await partner.report(hit)
    assert (late.state, late.refused, late.to_undo) == ("withdrawn", "", False), "nobody believed it"
    assert partner.spool.ls() == [late]
    assert partner.sender.receipt(late).version == 1
    assert partner.sender.end(late) is not None


async def test_a_report_whose_answer_was_lost_did_not_come_late(partner: Partner) -> None:
    """What the agency took as listed it acted on: by the two times that it signed, whatever the partner got to hear."""
    hit = await lost_answer(partner, await partner.find("a file"))
    [ended] = await withdraw(partner, "a file")
    assert (ended.state, ended.to_undo) == ("withdrawn", False), "nothing is known of it yet"
    [heard] = await partner.sender.hear_ends()
    receipt, end = partner.sender.receipt(heard), partner.sender.end(heard)
    assert end is not None
    assert receipt.received_ms < end.ended_ms
    assert (heard.id, heard.late, heard.to_undo) == (hit.id, False, True)


async def test_a_report_that_may_have_reached_the_agency_is_not_forgotten_for_another_hash(
    partner: Partner,
) -> None:
    hit = await lost_answer(partner, await found_by_two_hashes(partner))
    [ended] = await withdraw(partner, "a file")
    [left] = [each for each in partner.spool.ls() if each.waiting]
    assert (ended.id, ended.instead, left.tried) == (hit.id, left.id, False)
    assert [each.id for each in await partner.sender.hear_ends()] == [hit.id]


async def lost_answer(partner: Partner, hit: SpooledHit) -> SpooledHit:
    """The hit of a report that the node took, and whose receipt did not arrive."""
    partner.api.failing = PeerUnreachableError("no connection")
    with pytest.raises(PeerUnreachableError):
        await partner.report(hit)
    partner.api.failing = None
    return partner.spool.get(hit.id)


def test_what_is_listed_again_is_another_hit(tmp_path: Path) -> None:
    spool = HitSpool(tmp_path)
    first = recorded(spool)
    assert recorded(spool) == first
    spool.save(replace(first, ended_ms=2))
    assert spool.recall(HIT, name=first.name) is None
    again = replace(HIT, report=SentReport(report_of("a file"), b"m" * 32))
    for reading in (spool, HitSpool(tmp_path)):
        second = recorded(reading, again, now_ms=3)
        assert (second.state, second.found_ms, len(reading.ls())) == ("waiting", 3, 2)


async def test_a_node_of_before_tells_of_no_ends(partner: Partner) -> None:
    hit = await partner.report(await partner.find("a file"))
    partner.api.failing = NotFoundError("no such address")
    assert await partner.sender.hear_ends() == []
    assert [each.id for each in await withdraw(partner, "a file")] == [hit.id], (
        "the list says it all the same"
    )


@pytest.mark.threat("a withdrawn hit reported")
@pytest.mark.parametrize(
    ("wrong", "again"),
    [
        ("another key", True),
        ("another report", False),
        ("another node", False),
        ("another format", False),
        ("noise", False),
        ("nothing", False),
    ],
)
async def test_an_end_that_the_node_did_not_sign_ends_nothing(
    partner: Partner, wrong: str, *, again: bool
) -> None:
    """Of a key that is not known yet it is asked for again; what is no end of the report never becomes one."""
    hit, gone = [await partner.report(await partner.find(name)) for name in ("a file", "another")]
    signer = partner.world.statement_key
    changed = {
        "another key": end_of(hit).signed(StatementPrivateKey.from_seed(b"o" * 32)),
        "another report": replace(end_of(hit), report_sha256=b"h" * 32).signed(signer),
        "another node": replace(end_of(hit), node="nl.example").signed(signer),
        "another format": seal_statement(ReportEnd.kind, b"noise", signer),
        "noise": b"noise",
        "nothing": b"",
    }[wrong]
    told = [(hit, changed), (gone, end_of(gone).signed(signer))]
    page = EndedReports(tuple(Ended(each.sent.report.report_id, each.receipt, end) for each, end in told))
    partner.api.meddle = lambda _: page.to_bytes()
    sender = partner.sender
    assert [each.id for each in await sender.hear_ends()] == [gone.id]
    assert sender.unverified == {hit.sent.report.report_id}
    assert partner.spool.get(hit.id) == hit
    assert partner.spool.last_end == (FROM_THE_FIRST if again else gone.sent.report.report_id)
    assert await sender.hear_ends() == [], "what was heard is no news"
    partner.api.meddle = lambda _: b"noise"
    with pytest.raises(VerificationError):
        await sender.hear_ends()


def end_of(hit: SpooledHit) -> ReportEnd:
    report = hit.sent.report
    return ReportEnd(
        node="fr.example",
        partner=HOSTER,
        report_id=report.report_id,
        report_sha256=report.sha256(),
        subset_id=report.subset_id,
        version=2,
        ended_ms=1,
    )


@pytest.mark.threat("a withdrawn hit reported")
async def test_a_key_that_was_stolen_keeps_no_end_from_being_heard(partner: Partner) -> None:
    hit, late = await partner.report(await partner.find("a file")), await partner.find("another")
    partner.world.fr.withdraw("another", Reason.ERROR)
    await withdraw(partner, "a file")
    before = await partner.report(late)
    assert before.receipt
    partner.spool.save(late)  # as if the answer had been lost, and the key was stolen then
    partner.spool.save(hit)
    partner.spool.last_end = FROM_THE_FIRST
    known = partner.known
    partner.world.lose_statement_key()
    partner.api = Api(partner.world, HOSTER)
    behind = HitSender(partner.spool, partner.enrolment, known, partner.api, partner.world.fr.clock)
    assert await behind.hear_ends() == [], "the new key is not known here yet"
    heard = {each.id: each for each in await partner.sender.hear_ends()}
    assert heard[hit.id].receipt == hit.receipt
    assert (heard[late.id].state, heard[late.id].receipt) == ("withdrawn", b""), "nobody believes that one"
    assert partner.sender.end(heard[late.id]) is not None


async def test_a_node_that_repeats_a_full_page_is_not_asked_for_ever(partner: Partner) -> None:
    page = EndedReports(tuple(Ended(bytes([number]) * 16, b"", b"") for number in range(1, MAX_ENDS + 1)))
    pages = [page.to_bytes()] * 3
    partner.api.meddle = lambda _: pages.pop()
    assert await partner.sender.hear_ends() == []
    assert len(pages) == 1, "asked twice"


def whole_spool(_spool: HitSpool) -> Readable:
    raise AssertionError("for one page of ends every hit was read")


async def test_a_late_report_costs_no_more_among_many_hits(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = [await partner.find(name) for name in ("a file", "another")]
    for name in ("a file", "another"):
        partner.world.fr.withdraw(name, Reason.ERROR)
    await partner.world.release()
    monkeypatch.setattr(HitSpool, "readable", whole_spool)
    assert [(await partner.report(hit)).state for hit in hits] == ["withdrawn"] * 2


@pytest.mark.threat("endless bytes")
@pytest.mark.parametrize("stands", [False, True], ids=["cursor moves", "cursor stands"])
async def test_a_node_that_makes_up_ends_keeps_no_partner(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, *, stands: bool
) -> None:
    hit = await partner.report(await partner.find("a file"))
    forged = end_of(hit).signed(StatementPrivateKey.from_seed(b"o" * 32))
    first = [Ended(hit.sent.report.report_id, b"", forged)] if stands else []

    def made_up(_: bytes) -> bytes:
        if partner.api.calls > 3 * MAX_FULL_PAGES:
            raise AssertionError("asked for ever")
        others = [Ended(os.urandom(16), b"", b"") for _ in range(MAX_ENDS - len(first))]
        return EndedReports((*first, *others)).to_bytes()

    monkeypatch.setattr(HitSpool, "readable", whole_spool)
    partner.api.meddle, partner.api.calls = made_up, 0
    sender = partner.sender
    assert await sender.hear_ends() == []
    assert partner.api.calls == MAX_FULL_PAGES + 1
    assert (partner.spool.last_end == FROM_THE_FIRST) is stands
    assert await sender.hear_ends() == []
    assert partner.api.calls == MAX_FULL_PAGES + 2, "of one run together"


async def test_more_ends_than_one_run_reads_are_heard_by_the_next(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "MAX_FULL_PAGES", 1)
    hit = await partner.report(await partner.find("a file"))
    end = Ended(hit.sent.report.report_id, b"", end_of(hit).signed(partner.world.statement_key))
    full = [EndedReports(tuple(Ended(os.urandom(16), b"", b"") for _ in range(MAX_ENDS))) for _ in range(2)]
    pages = [*full, EndedReports((end,))]
    partner.api.meddle = lambda _: pages.pop(0).to_bytes()
    assert await partner.sender.hear_ends() == []
    assert partner.spool.last_end == full[1].ended[-1].report_id
    assert [each.id for each in await partner.sender.hear_ends()] == [hit.id]


async def test_ends_that_cannot_be_read_keep_nothing_from_being_reported(partner: Partner) -> None:
    late = await partner.find("a file")
    await withdraw(partner, "a file")
    partner.spool.save(late)
    partner.api.meddle = lambda _: b"noise"
    assert (await partner.report(late)).state == "refused"


async def test_ends_of_reports_that_are_not_kept_here_are_passed_over(partner: Partner) -> None:
    hit = await partner.report(await partner.find("a file"))
    partner.spool.drop(hit)
    await withdraw(partner, "a file")
    assert await partner.sender.hear_ends() == []
    assert partner.spool.last_end == hit.sent.report.report_id


@pytest.mark.threat("a withdrawn hit reported")
async def test_a_kind_of_hashes_that_the_subset_takes_in_no_more_ends_nothing(partner: Partner) -> None:
    """An upgrade takes PDQ values out of mixed subsets; the agencies list them still."""
    world, picture = partner.world, digest("picture", Algorithm.PDQ)
    for agency in world.agencies:
        agency.add("picture", algorithm=Algorithm.PDQ)
    release_by(world, MIXED)
    with pytest.MonkeyPatch.context() as before:
        before.setattr(SubsetFilter, "renewed", lambda same: same)
        await world.release()
    waiting, reported, late = [await looked_up(partner, picture, name) for name in ("one", "two", "three")]
    reported = await partner.report(reported)
    report = await world.release()
    assert (report.removed, picture in listed_of(world.fr.store)) == (1, False)
    assert judge_again(partner.spool, held(world), now_ms=world.fr.now_ms) == []
    assert await partner.sender.hear_ends() == []
    assert partner.spool.get(waiting.id).waiting
    assert (await partner.report(late)).state == "reported", "by a release that a partner may hold still"
    assert {record.ended_ms for record in kept_reports(world.fr.store)} == {None}
    stale = replace(
        waiting,
        sent=replace(waiting.sent, report=replace(waiting.sent.report, epoch=0, report_id=os.urandom(16))),
    )
    refused = await partner.report(stale)
    assert (refused.state, refused.ended_ms) == ("refused", 0), "in another epoch it cannot be reported"


def release_by(world: HitWorld, subset_filter: SubsetFilter) -> None:
    with world.fr.store.write() as unit:
        unit.subsets.set_filter(SUBSET, subset_filter)


async def looked_up(partner: Partner, found: Digest, name: str) -> SpooledHit:
    [hit] = await partner.examiner.examine([[found]])
    assert hit is not None
    return recorded(partner.spool, hit, name=name, now_ms=partner.world.fr.now_ms)
