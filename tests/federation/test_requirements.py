"""Followers that ask for witnesses: what they follow, what they refuse, and what of a refused head applies."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.clock import HOUR_MS
from node.lists.publish import Published, publish
from node.peers.sync.overlays import drop_overlay
from node.peers.sync.reports import ListOutcome
from node.witnesses.standings import Cosigned
from protocol.digest import Algorithm, Digest
from protocol.encoding import b64
from protocol.errors import ForkError, FreezeError, FutureEventError, TooLargeError, UncosignedError
from protocol.lists.event import BASELINE
from protocol.lists.ext import Reason
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.note import Note
from support.federation import Agency, Federation, Link, on
from support.lists import digest
from support.whole import current
from support.witnesses import MAX_AGE, Witnesses, witness_of


class World:
    """Agencies that know each other and ask for witnesses."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.federation = Federation(folder)
        self.agencies = self.federation.peers(*names)
        self.witnesses = Witnesses(self.federation)
        self.witnesses.require()

    def publish(self, agency: Agency, *names: str) -> Published:
        agency.add(*names)
        return agency.publish()

    async def cosigned(self, agency: Agency, *names: str) -> Cosigned:
        self.publish(agency, *names)
        return await self.witnesses.collect(agency)

    async def sync(self, asker: Agency, asked: Agency) -> ListOutcome:
        report = await self.federation.sync(asker, asked)
        assert report.error is None, report.error
        (outcome,) = report.lists
        return outcome

    def link(self, asker: Agency, asked: Agency) -> Link:
        return self.federation.link(asker, asked)

    def effective(self, agency: Agency) -> set[Digest]:
        now = agency.clock.now()
        judged = current(agency.store, agency.trust.members(), now=now, max_age=MAX_AGE)
        return {value for collection, value in judged.decision.effective if collection == BASELINE}


def value(name: str) -> Digest:
    return digest(name, Algorithm.SHA256)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, "fr", "nl")
    with made.federation:
        yield made


@pytest.fixture
def three(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, "fr", "nl", "de")
    with made.federation:
        yield made


# ------------------------------------------------------------------ two agencies


async def test_two_agencies_need_nobody_else(two: World) -> None:
    fr, nl = two.agencies
    two.publish(fr, "a")
    assert (await two.sync(nl, fr)).new_size == 1
    for number in range(3):
        two.publish(fr, *(f"{number} {other}" for other in range(200)))
        assert (await two.sync(nl, fr)).error is None
    two.federation.links[nl.name, fr.name].calls.clear()
    assert nl.log(fr.origin).head == fr.log().head


async def test_a_head_that_was_cosigned_before_needs_no_proof(two: World) -> None:
    fr, nl = two.agencies
    await two.cosigned(fr, "a")
    await two.sync(nl, fr)
    await two.cosigned(fr, "b")
    link = two.link(nl, fr)
    link.calls.clear()
    assert (await two.sync(nl, fr)).new_size == 2
    assert all(call.what != "tile" for call in link.calls)


async def test_a_poll_that_finds_nothing_costs_one_request(two: World) -> None:
    fr, nl = two.agencies
    two.publish(fr, "a")
    await two.sync(nl, fr)
    held = witness_of(nl).standing(fr.origin)
    link = two.link(nl, fr)
    link.calls.clear()
    assert (await two.sync(nl, fr)).error is None
    assert [call.what for call in link.calls] == ["checkpoint"]
    assert witness_of(nl).standing(fr.origin) == held, "nor is anything cosigned again"


async def test_a_proof_that_leads_elsewhere_is_no_cosignature(two: World) -> None:
    fr, nl = two.agencies
    two.publish(fr, "a")
    await two.sync(nl, fr)
    two.publish(fr, "b", "c")
    two.link(nl, fr).meddle = on("tile", lambda tile: bytes(len(tile)))
    outcome = await two.sync(nl, fr)
    assert isinstance(outcome.error, UncosignedError)
    assert nl.log(fr.origin).head.size == 1


@pytest.mark.threat("a stolen online key")
async def test_a_fork_that_nobody_cosigned_is_kept_as_evidence(two: World) -> None:
    fr, nl = two.agencies
    two.publish(fr, "a")
    await two.sync(nl, fr)
    forged = sign_checkpoint(Checkpoint(fr.origin, 1, bytes(32)), [fr.log_key])
    two.link(nl, fr).meddle = on("checkpoint", lambda _: forged)
    outcome = await two.sync(nl, fr)
    assert isinstance(outcome.error, ForkError)
    assert outcome.evidence is not None


@pytest.mark.threat("a freeze")
async def test_cosignatures_that_are_too_old_are_a_freeze(three: World) -> None:
    fr, nl, _ = three.agencies
    await three.cosigned(fr, "a")
    assert (await three.sync(nl, fr)).error is None
    three.federation.clock.advance(MAX_AGE * 2)
    outcome = await three.sync(nl, fr)
    assert isinstance(outcome.error, FreezeError)
    await three.witnesses.collect(fr)
    assert (await three.sync(nl, fr)).error is None


# ------------------------------------------------------------------ three agencies


async def test_a_head_without_its_quorum_is_not_followed_until_it_has_it(three: World) -> None:
    fr, nl, de = three.agencies
    three.witnesses.down.add(de.name)
    standing = await three.cosigned(fr, "a")
    assert standing.missing == 1
    outcome = await three.sync(nl, fr)
    assert isinstance(outcome.error, UncosignedError)
    assert outcome.words == "refused: 1 more witnesses must cosign"
    assert nl.log(fr.origin).head.size == 0
    three.witnesses.down.clear()
    await three.witnesses.collect(fr)
    assert (await three.sync(nl, fr)).new_size == 1


async def test_a_note_that_gained_cosignatures_replaces_the_one_held(three: World) -> None:
    fr, nl, de = three.agencies
    await three.cosigned(fr, "a")
    await three.sync(nl, fr)
    first = nl.log(fr.origin).note
    three.federation.clock.advance(MAX_AGE * 3 / 4)
    await three.witnesses.collect(fr)
    assert (await three.sync(nl, fr)).words == "1 event, nothing new"
    assert nl.log(fr.origin).note == fr.log().note != first
    link = three.link(nl, fr)
    link.calls.clear()
    await three.sync(nl, fr)
    assert [call.what for call in link.calls] == ["checkpoint"]
    assert de.name in {one.name for one in three.agencies}


async def test_a_bad_line_of_a_known_witness_refuses_the_whole_note(three: World) -> None:
    fr, nl, _ = three.agencies
    await three.cosigned(fr, "a")

    def spoil(data: bytes) -> bytes:
        note = Note.parse(data)
        line = note.signatures[-1]
        bad = line.to_line().replace(b64(line.key_hash + line.body), b64(line.key_hash + bytes(72)))
        return data.replace(line.to_line().encode(), bad.encode())

    three.link(nl, fr).meddle = on("checkpoint", spoil)
    outcome = await three.sync(nl, fr)
    assert "bad signature" in outcome.words


async def test_an_operator_may_ask_for_none(three: World) -> None:
    fr, nl, _ = three.agencies
    three.witnesses.require(quorum=0)
    three.publish(fr, "a")
    assert (await three.sync(nl, fr)).new_size == 1


async def test_an_operator_may_ask_for_more_than_there_are(three: World) -> None:
    fr, nl, _ = three.agencies
    three.witnesses.require(quorum=3)
    await three.cosigned(fr, "a")
    assert "1 more witnesses" in (await three.sync(nl, fr)).words


# ------------------------------------------------------------------ overlay


async def listed_by_two(world: World) -> None:
    """a and b are effective at nl.example."""
    fr, nl, de = world.agencies
    await world.cosigned(fr, "a", "b")
    await world.cosigned(de, "a", "b")
    await world.sync(nl, fr)
    await world.sync(nl, de)
    assert world.effective(nl) == {value("a"), value("b")}
    world.witnesses.down.add(de.name)


async def one_withdrawn(world: World) -> None:
    """a and b are effective, and fr.example withdraws a under a head that too few cosigned."""
    await listed_by_two(world)
    world.agencies[0].withdraw("a")
    await world.cosigned(world.agencies[0])


@pytest.mark.threat("a late withdrawal")
async def test_a_withdrawal_does_not_wait_for_witnesses(three: World) -> None:
    fr, nl, _ = three.agencies
    await listed_by_two(three)
    fr.withdraw("a")
    await three.cosigned(fr, "c")
    outcome = await three.sync(nl, fr)
    assert outcome.words == "1 more witnesses must cosign; withdrawals applied"
    assert isinstance(outcome.error, UncosignedError)
    assert nl.log(fr.origin).head.size == 2, "nothing is taken over"
    assert three.effective(nl) == {value("b")}
    three.witnesses.down.clear()
    await three.witnesses.collect(fr)
    assert (await three.sync(nl, fr)).error is None
    assert three.effective(nl) == {value("b")}
    with nl.store.read() as unit:
        assert unit.overlays.ls() == []


async def test_an_error_blocks_before_witnesses_have_seen_it(three: World) -> None:
    fr, nl, de = three.agencies
    await listed_by_two(three)
    await three.cosigned(de, "a2")
    fr.withdraw("a", Reason.ERROR)
    await three.cosigned(fr)
    await three.sync(nl, fr)
    now = nl.clock.now()
    judged = current(nl.store, nl.trust.members(), now=now, max_age=MAX_AGE)
    blocks = [block for held in judged.listings for block in held.listing.blocks]
    assert [block.digest for block in blocks] == [value("a")]


async def test_an_overlaid_head_is_fetched_once(three: World) -> None:
    fr, nl, _ = three.agencies
    await one_withdrawn(three)
    await three.sync(nl, fr)
    link = three.link(nl, fr)
    link.calls.clear()
    assert (await three.sync(nl, fr)).overlaid
    assert {call.what for call in link.calls} <= {"checkpoint", "next_root", "timestamp"}


async def test_an_overlay_grows_with_the_head(three: World) -> None:
    fr, nl, _ = three.agencies
    await listed_by_two(three)
    for name in ("a", "b"):
        fr.withdraw(name)
        await three.cosigned(fr)
        assert (await three.sync(nl, fr)).overlaid
    assert three.effective(nl) == set()


async def test_nothing_is_overlaid_upon_a_list_that_is_not_held(three: World) -> None:
    fr, nl, de = three.agencies
    three.witnesses.down.add(de.name)
    await three.cosigned(fr, "a")
    fr.withdraw("a")
    await three.cosigned(fr)
    assert not (await three.sync(nl, fr)).overlaid


async def test_an_overlaid_fork_of_one_size_is_evidence(three: World) -> None:
    fr, nl, _ = three.agencies
    await one_withdrawn(three)
    await three.sync(nl, fr)
    forged = sign_checkpoint(Checkpoint(fr.origin, 3, bytes(32)), [fr.log_key])
    three.link(nl, fr).meddle = on("checkpoint", lambda _: forged)
    outcome = await three.sync(nl, fr)
    assert isinstance(outcome.error, ForkError)
    assert outcome.evidence is not None
    assert value("a") not in three.effective(nl), "what was removed stays removed"


async def test_an_overlay_is_dropped_when_the_trusted_head_disagrees(three: World) -> None:
    fr, nl, _ = three.agencies
    await one_withdrawn(three)
    await three.sync(nl, fr)
    with nl.store.write() as unit:
        (record,) = unit.overlays.ls()
        note = sign_checkpoint(Checkpoint(fr.origin, 3, b"x" * 32), [fr.log_key])
        unit.overlays.put(replace(record, root=b"x" * 32, note=note))
    three.witnesses.down.clear()
    await three.witnesses.collect(fr)
    outcome = await three.sync(nl, fr)
    assert isinstance(outcome.error, ForkError | type(None))
    assert outcome.evidence is not None


async def test_entries_that_do_not_give_the_signed_root_make_no_overlay(three: World) -> None:
    fr, nl, _ = three.agencies
    await one_withdrawn(three)
    forged = sign_checkpoint(Checkpoint(fr.origin, 3, bytes(32)), [fr.log_key])
    three.link(nl, fr).meddle = on("checkpoint", lambda _: forged)
    outcome = await three.sync(nl, fr)
    assert not outcome.overlaid
    with nl.store.read() as unit:
        assert unit.overlays.ls() == []


async def test_a_flood_of_withdrawals_waits_for_witnesses(three: World) -> None:
    fr, nl, _ = three.agencies
    fr.revise(lambda old: replace(old, limits=replace(old.limits, max_withdraws_per_day=1)))
    await listed_by_two(three)
    for name in ("a", "b"):
        fr.withdraw(name)
    await three.cosigned(fr)
    outcome = await three.sync(nl, fr)
    assert isinstance(outcome.error, TooLargeError)
    assert three.effective(nl) == {value("a"), value("b")}


@pytest.mark.threat("a late withdrawal", "a wrong clock")
async def test_a_withdrawal_does_not_wait_for_a_clock_that_was_ahead(three: World) -> None:
    """Behind an event that is dated ahead all others are, too: a list never goes back in time."""
    fr, nl, _ = three.agencies
    await listed_by_two(three)
    three.witnesses.down.clear()
    fr.add("c")
    publish(fr.store, fr.origin, signer=fr.signer, now_ms=fr.now_ms + 8 * HOUR_MS)
    await three.witnesses.collect(fr)
    assert isinstance((await three.sync(nl, fr)).error, FutureEventError)
    assert three.effective(nl) == {value("a"), value("b")}
    fr.withdraw("a", Reason.ERROR)
    await three.cosigned(fr)
    for _ in range(2):
        outcome = await three.sync(nl, fr)
        assert outcome.words == "event 2: is dated in the future; withdrawals applied"
        assert nl.log(fr.origin).head.size == 2, "nothing is taken over"
        assert three.effective(nl) == {value("b")}
    three.federation.advance(hours=8)
    await three.witnesses.collect(fr)
    assert (await three.sync(nl, fr)).error is None
    assert three.effective(nl) == {value("b")}
    with nl.store.read() as unit:
        assert unit.overlays.ls() == []


async def test_what_is_followed_has_no_overlay_to_drop(two: World) -> None:
    fr, nl = two.agencies
    two.publish(fr, "a")
    await two.sync(nl, fr)
    assert drop_overlay(nl.store, fr.origin) is None
