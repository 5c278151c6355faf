"""Agencies that follow each other: over a month, over bad lines, with different grants."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from keys.errors import NotCurrentError
from keys.key import LogPrivateKey
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window
from node.errors import ConflictError, NotFoundError, PeerUnreachableError, StoreDownError, StoreError
from node.peers.sync.stage import StagedBundle, Staging
from node.peers.sync.sync import Syncer
from node.trust.own import window
from protocol.errors import UntrustedError
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis
from protocol.lists.grant import NOTHING, Grant
from support.federation import (
    Call,
    Federation,
    Meddle,
    check_follows,
    flip,
    honest,
    on,
    unreachable_at,
    unreachable_from,
)
from support.lists import digest


async def test_three_agencies_converge(federation: Federation) -> None:
    fr, nl, de = federation.peers("fr", "nl", "de")
    for agency in (fr, nl, de):
        agency.publish(*(f"{agency.name} {number}" for number in range(300)), "shared")
    reports = await federation.settle()
    assert all(report.succeeded for report in reports)
    federation.require_converged()
    federation.advance(hours=2)
    nl.withdraw("shared")
    nl.publish("new", collection=NATIONAL)
    report = await federation.sync(fr, nl)
    [outcome] = report.lists
    assert (outcome.old_size, outcome.new_size, outcome.adds, outcome.withdrawals) == (301, 303, 1, 1)
    assert outcome.words == "301 → 303 events, 1 added, 1 withdrawn, verified"
    await federation.settle()
    federation.require_converged()


async def test_what_two_countries_list_on_their_own_knowledge_becomes_effective(
    federation: Federation,
) -> None:
    fr, nl = federation.peers("fr", "nl")
    fr.add("both", "one")
    nl.add("both", "other")
    nl.add("copied", basis=Basis.RELIES_ON)
    fr.add("copied")
    for agency in (fr, nl):
        agency.publish()
    await federation.settle()
    assert fr.effective() == {digest("both")}


async def test_nothing_new_costs_one_request(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish("a")
    await federation.sync(fr, nl)
    link = federation.link(fr, nl)
    link.calls.clear()
    federation.advance(minutes=15)
    report = await federation.sync(fr, nl)
    assert link.calls == [Call("checkpoint", nl.origin)]
    assert report.words == "main: 1 event, nothing new"
    assert fr.log(nl.origin).checked_ms == fr.now_ms
    with fr.store.read() as unit:
        peer = unit.peers.get(nl.name)
    assert (peer.synced_ms, peer.outcome) == (fr.now_ms, report.words)


async def test_trust_is_fetched_again_before_a_new_head_and_after_an_hour(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish()
    await federation.sync(fr, nl)
    link = federation.link(fr, nl)
    nl.publish("a")
    link.calls.clear()
    await federation.sync(fr, nl)
    asked = [call.what for call in link.calls]
    assert asked == ["checkpoint", "next_root", "timestamp", "entries", "openings"]
    federation.advance(hours=1)
    link.calls.clear()
    await federation.sync(fr, nl)
    assert [call.what for call in link.calls] == ["next_root", "timestamp", "checkpoint"]


@pytest.mark.threat("a wrong clock")
async def test_trust_is_fetched_again_after_a_clock_that_was_ahead(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish()
    federation.advance(days=10)
    await federation.sync(fr, nl)
    federation.advance(days=-10)
    link = federation.link(fr, nl)
    link.calls.clear()
    await federation.sync(fr, nl)
    assert [call.what for call in link.calls] == ["next_root", "timestamp", "checkpoint"]


async def test_a_month_away_is_caught_up_in_one_sync(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    for day in range(30):
        nl.publish(*(f"{day} {number}" for number in range(40)))
        federation.advance(days=1)
    report = await federation.sync(fr, nl)
    assert [outcome.new_size for outcome in report.lists] == [1200]
    check_follows(fr, nl)


async def test_the_grant_decides_what_is_opened(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl", back=Grant(collections=frozenset({BASELINE})))
    nl.add("public")
    nl.publish("secret", collection=NATIONAL)
    report = await federation.sync(fr, nl)
    assert report.succeeded
    assert fr.digests(nl.origin) == {digest("public")}
    check_follows(fr, nl)


async def test_without_a_grant_the_log_is_followed_closed(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl", back=NOTHING)
    nl.publish("secret")
    assert (await federation.sync(fr, nl)).succeeded
    assert fr.digests(nl.origin) == set()
    assert "openings" not in {call.what for call in federation.link(fr, nl).calls}
    check_follows(fr, nl)


@pytest.mark.threat("endless bytes")
@pytest.mark.parametrize("calls", range(15))
async def test_a_sync_that_breaks_anywhere_goes_on_from_there(federation: Federation, calls: int) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish(*(f"{number}" for number in range(1500)))
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


async def test_answers_may_arrive_in_any_order(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish(*(f"{number}" for number in range(3000)))
    link = federation.link(fr, nl)
    link.delay = lambda call: (97 * call.index + len(call.what)) % 13
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)


_NOISE = {
    "a flipped bit in an entry": on("entries", flip(100)),
    "a flipped bit at the end of an entry": on("entries", flip(-1)),
    "a flipped bit in an opening": on("openings", flip(-1)),
    "a flipped bit in the head": on("checkpoint", flip(30)),
    "a flipped bit in the document": on("node_document", flip(200)),
    "a flipped bit in the register": on("members", flip(-30)),
    "a flipped bit in the timestamp": on("timestamp", flip(200)),
    "a flipped bit in the snapshot": on("snapshot", flip(200)),
    "a truncated listing": on("targets", lambda data: data[:-1]),
    "truncated entries": on("entries", lambda data: data[:-7]),
    "truncated openings": on("openings", lambda data: data[: len(data) // 2]),
    "a truncated head": on("checkpoint", lambda data: data[:-1]),
    "a truncated document": on("node_document", lambda data: data[:-1]),
    "doubled entries": on("entries", lambda data: data * 2),
    "a doubled head": on("checkpoint", lambda data: data * 2),
    "empty openings": on("openings", lambda _: b""),
}


@pytest.mark.parametrize("noise", _NOISE.values(), ids=_NOISE)
async def test_noise_is_refused_and_forgotten(federation: Federation, noise: Meddle) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish(*(f"{number}" for number in range(300)))
    await federation.sync(fr, nl)
    before = fr.log(nl.origin).head, fr.items(nl.origin)
    nl.publish("more")
    nl.revise(lambda old: old)
    nl.trust.revise_members(lambda old: old, signers=nl.signers)
    federation.advance(hours=2)
    link = federation.link(fr, nl)
    link.meddle = noise
    assert not (await federation.sync(fr, nl)).succeeded
    assert (fr.log(nl.origin).head, fr.items(nl.origin)) == before
    link.meddle = honest
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)


async def test_a_cancelled_sync_keeps_what_it_accepted(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish(*(f"{number}" for number in range(3000)))
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


async def test_whoever_is_cancelled_is_told_so_when_nothing_can_be_kept(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish("a")
    link, reached = federation.link(fr, nl), asyncio.Event()

    def tell(call: Call, answer: bytes) -> bytes:
        if call.what == "openings":
            reached.set()
        return answer

    def full(*_: object) -> None:
        raise StoreDownError("no room is left on its disk")

    link.meddle = tell
    monkeypatch.setattr(Staging, "flush", full)
    task: asyncio.Task[object] = asyncio.create_task(federation.sync(fr, nl))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_whoever_is_cancelled_leaves_no_thread_at_what_is_staged(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish(*(f"{number}" for number in range(600)))
    real, loop, reached = Staging.get, asyncio.get_running_loop(), asyncio.Event()
    said = list[str]()

    def slow(staging: Staging, index: int, width: int) -> StagedBundle | None:
        loop.call_soon_threadsafe(reached.set)
        time.sleep(0.3)
        said.append("looked")
        return real(staging, index, width)

    monkeypatch.setattr(Staging, "get", slow)
    monkeypatch.setattr(Staging, "flush", lambda _: said.append("flushed"))
    task: asyncio.Task[object] = asyncio.create_task(federation.sync(fr, nl))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said[-1] == "flushed"
    assert "looked" in said
    await asyncio.sleep(0.5)
    assert said[-1] == "flushed"


async def test_two_pulls_of_one_list_do_not_harm_each_other(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish(*(f"{number}" for number in range(600)))
    other = Syncer(fr.store, fr.clock)
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
    fr, nl = federation.peers("fr", "nl")
    report = await federation.sync(fr, nl)
    assert not report.succeeded
    assert "has not been published yet" in report.words


async def test_an_empty_list_is_followed_and_fresh(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish()
    assert (await federation.sync(fr, nl)).succeeded
    nl.publish("a")
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)


@pytest.mark.threat("two documents")
async def test_a_log_key_counts_in_its_time_only(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish()
    [_, log] = nl.trust.document().logs
    [dated] = log.vkeys
    started = dated.valid.start
    ended = replace(dated, valid=Window(started - timedelta(days=2), started - timedelta(days=1)))
    nl.revise(lambda old: replace(old, logs=(replace(log, vkeys=(ended,)),)))
    report = await federation.sync(fr, nl)
    assert isinstance(report.lists[0].error, UntrustedError)
    nl.revise(lambda old: replace(old, logs=(log,)))
    assert (await federation.sync(fr, nl)).succeeded


async def test_a_list_that_its_node_no_longer_names_is_not_believed(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish()
    await federation.sync(fr, nl)
    nl.publish("a")
    nl.revise(lambda old: replace(old, logs=()))
    report = await federation.sync(fr, nl)
    assert isinstance(report.lists[0].error, UntrustedError)
    assert (await federation.sync(fr, nl)).words == "no lists"


async def test_keys_roll_while_a_peer_follows(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish("before")
    await federation.sync(fr, nl)
    successor = LogPrivateKey.from_seed(b"2" * 32)
    [_, log] = nl.trust.document().logs
    now = nl.time.now().replace(microsecond=0)
    vkeys = (*log.vkeys, DatedVkey.of(successor.public, name=nl.origin, valid=window(now, 30)))
    nl.revise(lambda old: replace(old, logs=(replace(log, vkeys=vkeys),)))
    for keys in ([nl.log_key, successor], [successor]):
        nl.log_keys = keys
        nl.publish(f"signed by {len(keys)}")
        assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)


@pytest.mark.threat("the root lost or stolen")
async def test_a_root_that_has_expired_stops_the_sync(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish()
    federation.advance(days=366)
    nl.revise(lambda old: old)
    report = await federation.sync(fr, nl)
    assert isinstance(report.error, NotCurrentError)
    assert "root" in report.words


@pytest.mark.threat("old trust files")
@pytest.mark.parametrize("what", ["members", "node_document", "targets", "snapshot"])
async def test_what_a_peer_withholds_of_its_trust_stops_the_sync_and_not_its_newest_root(
    federation: Federation, what: str
) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish()
    with fr.store.read() as unit:
        before = unit.peers.get(nl.name)
    nl.rotate_root()
    nl.revise(lambda old: old)
    nl.trust.revise_members(lambda old: old, signers=nl.signers)

    def missing(call: Call, answer: bytes) -> bytes:
        if call.what == what:
            raise NotFoundError("there is no such file")
        return answer

    federation.link(fr, nl).meddle = missing
    assert isinstance((await federation.sync(fr, nl)).error, NotFoundError)
    with fr.store.read() as unit:
        after = unit.peers.get(nl.name)
    assert (len(after.trust.roots), after.trust.files) == (2, before.trust.files)
    assert after.confirmed_ms == before.confirmed_ms
    federation.link(fr, nl).meddle = honest
    assert (await federation.sync(fr, nl)).succeeded


async def test_a_peer_of_an_older_version_is_told_plainly(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")

    def missing(call: Call, answer: bytes) -> bytes:
        if call.what == "timestamp":
            raise NotFoundError("no such file")
        return answer

    federation.link(fr, nl).meddle = missing
    report = await federation.sync(fr, nl)
    assert report.words == "nl.example: it serves no TUF repository"
    assert isinstance(report.error, NotFoundError)
    assert "newer version" in report.error.hint


async def test_damage_to_what_was_staged_only_costs_the_fetching(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish(*(f"{number}" for number in range(600)))
    link = federation.link(fr, nl)
    link.meddle = unreachable_at(Call("openings", nl.origin, 2, 88))
    await federation.sync(fr, nl)
    [staged] = list(fr.objects.ls("staging/"))
    fr.objects.data[staged] = fr.objects.data[staged][:-1]
    link.meddle = honest
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)


async def test_what_our_own_store_cannot_do_is_no_outcome_of_the_peer(federation: Federation) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish("a")
    full = patch.object(fr.objects, "put_all", side_effect=StoreError("the disk is full"))
    with full, pytest.raises(StoreError, match="full"):
        await federation.sync(fr, nl)
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)
