"""An entry that many partners report at once is set before a person, and stays what it is: nobody delists by lying."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.judgement import quarantine
from node.partners.hits import floods
from node.partners.hits.floods import FloodLimits
from node.store.lists.records import FLOOD, Quarantined
from protocol.statement.receipt import open_receipt
from support.hits import SUBSET, HitWorld, hit_world
from support.stores import let_in

LIMITS = FloodLimits(reports=6, partners=2, hours=24)
PARTNERS = ("hoster", "other-hoster", "third-hoster")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[HitWorld]:
    async with hit_world(tmp_path, listed=["everybody has it", "another"]) as made:
        made.flood_limits = LIMITS
        made.enrol(PARTNERS[2])
        yield made


async def report(world: HitWorld, *partners: str, name: str = "everybody has it") -> None:
    """One report of each of the partners."""
    for partner in partners:
        sent = await world.evaluated(name, partner=partner)
        receipt = await world.hits(partner).report_hit(SUBSET, sent.to_bytes())
        open_receipt(receipt, sent.report, world.statement_keys)  # a hit is taken, flood or not


def set_aside(world: HitWorld) -> list[Quarantined]:
    with world.fr.store.read() as unit:
        return [one for one in unit.quarantine.ls() if one.kind == FLOOD]


@pytest.mark.threat("one entry meets many files")
async def test_many_reports_of_many_partners_are_set_before_a_person_once(world: HitWorld) -> None:
    await report(world, *PARTNERS * 2)
    assert set_aside(world) == [], "six are not more than six"
    await report(world, PARTNERS[0])
    assert {(one.first, one.last, one.reason) for one in set_aside(world)} == {
        (0, 0, "7 reports of 3 partners within 24 hours")
    }
    assert len(set_aside(world)) == 2, "one for each list that has it: its owner is to be told"
    await report(world, *PARTNERS * 3)
    assert len(set_aside(world)) == 2


@pytest.mark.threat("masses of reports")
async def test_one_liar_or_two_do_nothing(world: HitWorld) -> None:
    await report(world, *PARTNERS[:2] * 20)
    assert set_aside(world) == []


@pytest.mark.threat("masses of reports", "one entry meets many files")
async def test_what_is_reported_too_often_stays_listed(world: HitWorld) -> None:
    await report(world, *PARTNERS * 3)
    assert set_aside(world)
    for aside in quarantine.ls(world.fr.store, world.fr.trust.members()):
        assert aside.words.startswith("entry 0 of ")
        assert "stays listed" in aside.words
        assert "was listed all the time" in aside.consequence
    done = await world.release()
    assert (done.added, done.removed) == (0, 0)
    await report(world, PARTNERS[0])


async def test_reports_that_came_slowly_are_no_flood(world: HitWorld) -> None:
    for _ in range(4):
        await report(world, *PARTNERS)
        world.federation.advance(hours=13)
    assert set_aside(world) == []


async def test_other_entries_are_not_counted_in(world: HitWorld) -> None:
    await report(world, *PARTNERS)
    await report(world, *PARTNERS * 2, name="another")
    assert set_aside(world) == []


async def test_what_two_persons_released_comes_back_with_as_many_new_reports(world: HitWorld) -> None:
    await report(world, *PARTNERS * 3)
    members = world.fr.trust.members()
    for one in set_aside(world):
        let_in(world.fr.store, members, str(one.id), now_ms=world.fr.now_ms)
    world.federation.advance(hours=1)
    await report(world, *PARTNERS * 2)
    assert set_aside(world) == []
    await report(world, PARTNERS[0])
    assert len(set_aside(world)) == 2


@pytest.mark.threat("masses of reports")
async def test_liars_together_do_not_bury_what_else_waits(
    world: HitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floods, "MOST", 1)
    await report(world, *PARTNERS * 3)
    assert len(set_aside(world)) == 1
