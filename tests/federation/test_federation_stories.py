"""Agencies that follow each other: over a month, over bad lines, with different grants."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import ConflictError, PeerUnreachableError
from node.services.effective import current
from node.services.syncing import Syncer
from protocol.event import BASELINE, NATIONAL
from protocol.grant import NOTHING, Grant
from protocol.opening import Basis
from support.federation import Call, Federation, check_follows, honest, unreachable_from
from support.lists import digest


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with Federation(tmp_path) as made:
        yield made


async def test_three_agencies_converge(federation: Federation) -> None:
    fr, nl, de = (federation.agency(f"{c}.example", c.upper()) for c in ("fr", "nl", "de"))
    for one, other in ((fr, nl), (nl, de), (fr, de)):
        federation.introduce(one, other)
    for agency in (fr, nl, de):
        agency.add(*(f"{agency.name} {number}" for number in range(300)), "shared")
        agency.publish()
    reports = await federation.settle()
    assert all(report.succeeded for report in reports)
    federation.require_converged()
    federation.advance(hours=2)
    nl.withdraw("shared")
    nl.add("new", collection=NATIONAL)
    nl.publish()
    report = await federation.sync(fr, nl)
    [outcome] = report.lists
    assert (outcome.old_size, outcome.new_size, outcome.adds, outcome.withdrawals) == (301, 303, 1, 1)
    assert outcome.words == "301 → 303 events, 1 added, 1 withdrawn, verified"
    await federation.settle()
    federation.require_converged()


async def test_what_two_countries_list_on_their_own_knowledge_becomes_effective(
    federation: Federation,
) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    fr.add("both", "one")
    nl.add("both", "other")
    nl.add("copied", basis=Basis.RELIES_ON)
    fr.add("copied")
    for agency in (fr, nl):
        agency.publish()
    await federation.settle()
    judged = current(fr.shelf, fr.membership.members(), now=federation.clock.now(), max_age=timedelta(days=1))
    assert {found for _, found in judged.decision.effective} == {digest("both")}


async def test_nothing_new_costs_one_request(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    nl.add("a")
    nl.publish()
    await federation.sync(fr, nl)
    link = federation.link(fr, nl)
    link.calls.clear()
    federation.advance(minutes=15)
    report = await federation.sync(fr, nl)
    assert link.calls == [Call("checkpoint", nl.origin)]
    assert report.words == "main: 1 events, nothing new"
    assert fr.log(nl.origin).checked_ms == fr.now_ms
    with fr.store.read() as unit:
        peer = unit.peers.get(nl.name)
    assert (peer.synced_ms, peer.outcome) == (fr.now_ms, report.words)


async def test_trust_is_fetched_again_before_a_new_head_and_after_an_hour(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    nl.publish()
    await federation.sync(fr, nl)
    link = federation.link(fr, nl)
    nl.add("a")
    nl.publish()
    link.calls.clear()
    await federation.sync(fr, nl)
    asked = [call.what for call in link.calls]
    assert asked == ["checkpoint", "node_document", "members", "entries", "openings"]
    federation.advance(hours=1)
    link.calls.clear()
    await federation.sync(fr, nl)
    assert [call.what for call in link.calls] == ["node_document", "members", "checkpoint"]


async def test_a_month_away_is_caught_up_in_one_sync(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    for day in range(30):
        nl.add(*(f"{day} {number}" for number in range(40)))
        nl.publish()
        federation.advance(days=1)
    report = await federation.sync(fr, nl)
    assert [outcome.new_size for outcome in report.lists] == [1200]
    check_follows(fr, nl)


async def test_the_grant_decides_what_is_opened(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(nl, fr, grant=Grant(collections=frozenset({BASELINE})))
    nl.add("public")
    nl.add("secret", collection=NATIONAL)
    nl.publish()
    report = await federation.sync(fr, nl)
    assert report.succeeded
    assert fr.digests(nl.origin) == {digest("public")}
    check_follows(fr, nl)


async def test_without_a_grant_the_log_is_followed_closed(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(nl, fr, grant=NOTHING)
    nl.add("secret")
    nl.publish()
    assert (await federation.sync(fr, nl)).succeeded
    assert fr.digests(nl.origin) == set()
    assert "openings" not in {call.what for call in federation.link(fr, nl).calls}
    check_follows(fr, nl)


@pytest.mark.parametrize("calls", range(15))
async def test_a_sync_that_breaks_anywhere_goes_on_from_there(federation: Federation, calls: int) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    nl.add(*(f"{number}" for number in range(1500)))
    nl.publish()
    link = federation.link(fr, nl)
    link.meddle = unreachable_from(calls)
    report = await federation.sync(fr, nl)
    assert isinstance(report.error, PeerUnreachableError)
    assert not report.succeeded
    link.meddle = honest
    link.calls.clear()
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)
    again = [call.index for call in link.calls if call.what == "entries"]
    assert len(again) == len(set(again))
    assert len(again) == 6 if calls < 5 else len(again) <= 6


async def test_a_cancelled_sync_keeps_what_it_accepted(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    nl.add(*(f"{number}" for number in range(3000)))
    nl.publish()
    link = federation.link(fr, nl)
    reached = asyncio.Event()

    def tell(call: Call, answer: bytes) -> bytes:
        if call == Call("openings", nl.origin, 9, 256):
            reached.set()
        return answer

    link.meddle = tell
    task: asyncio.Task[object] = asyncio.create_task(federation.sync(fr, nl))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    link.calls.clear()
    assert (await federation.sync(fr, nl)).succeeded
    assert sum(call.what == "entries" for call in link.calls) < 12
    check_follows(fr, nl)


async def test_two_pulls_of_one_list_do_not_harm_each_other(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    nl.add(*(f"{number}" for number in range(600)))
    nl.publish()
    other = Syncer(fr.shelf, fr.clock)
    reports = await asyncio.gather(
        federation.sync(fr, nl), other.sync(nl.name, federation.link(fr, nl)), return_exceptions=True
    )
    for report in reports:
        assert not isinstance(report, BaseException)
        for outcome in report.lists:
            assert outcome.error is None or isinstance(outcome.error, ConflictError)
    await federation.sync(fr, nl)
    check_follows(fr, nl)


async def test_a_list_that_was_never_published_is_an_outcome(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    report = await federation.sync(fr, nl)
    assert not report.succeeded
    assert "has not been published yet" in report.words


async def test_an_empty_list_is_followed_and_fresh(federation: Federation) -> None:
    fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
    federation.introduce(fr, nl)
    nl.publish()
    assert (await federation.sync(fr, nl)).succeeded
    nl.add("a")
    nl.publish()
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)
