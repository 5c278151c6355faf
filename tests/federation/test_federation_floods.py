"""A member that floods its lists is contained: whatever it adds, disputes or withdraws, its day has a limit.

The liar signs its own document, so it announces limits that stop nobody; the follower's own hold.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keys.trust.node_parts import NodeLimits
from node.services.lists.disputing import dispute
from node.services.lists.pacing import FollowGuards
from node.services.peers.syncing import Syncer
from node.services.review.effective import current
from protocol.digest import Algorithm, Digest
from protocol.event import BASELINE
from protocol.opening import Reason
from support.federation import Agency, Federation
from support.lists import digest

MOST = FollowGuards(max_adds_per_day=20, max_withdraws_per_day=5, max_disputes_per_day=4)
BOUNDLESS = NodeLimits(
    max_adds_per_day=2**50,
    max_withdraws_per_day=2**50,
    max_checkpoint_age_s=86_400,
    max_disputes_per_day=2**50,
)
GOOD = [f"good {number}" for number in range(30)]
LONE = [f"lone {number}" for number in range(60)]
"""Listed by one honest agency: one more word makes them effective."""


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    with Federation(tmp_path) as made:
        yield made


class World:
    """`fr` follows `nl`, which is honest, and `xx`, which is not."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self.fr = federation.agency("fr.example", "FR")
        self.nl = federation.agency("nl.example", "NL")
        self.liar = federation.agency("xx.example", "DE")
        federation.introduce(self.fr, self.nl)
        federation.introduce(self.fr, self.liar)
        self.liar.revise(lambda old: replace(old, serial=old.serial + 1, limits=BOUNDLESS))
        self.fr.syncer = Syncer(self.fr.shelf, self.fr.clock, most=MOST)

    async def begin(self) -> None:
        """Everybody lists what is good; the liar's list is followed."""
        self.fr.add(*GOOD)
        self.nl.add(*GOOD, *LONE)
        self.liar.add("its own")
        await self.sync()
        assert self.effective() == names(GOOD)

    async def sync(self) -> None:
        for agency in (self.fr, self.nl, self.liar):
            agency.publish()
        for peer in (self.nl, self.liar):
            assert (await self.federation.sync(self.fr, peer)).succeeded

    def effective(self) -> set[Digest]:
        found = current(
            self.fr.shelf,
            self.fr.trust.members(),
            now=self.fr.clock.now(),
            max_age=timedelta(days=7),
        )
        return {listed for _, listed in found.decision.effective}


@pytest.fixture
def world(federation: Federation) -> World:
    return World(federation)


def names(wanted: list[str]) -> set[Digest]:
    return {digest(name, Algorithm.SHA256) for name in wanted}


def set_aside(agency: Agency, origin: str) -> int:
    log = agency.log(origin)
    with agency.store.read() as unit:
        return sum(record.last - record.first + 1 for record in unit.quarantine.ls(log.id))


@pytest.mark.parametrize("at_once", [60, 7, 1], ids=["at once", "in portions", "one by one"])
async def test_a_flood_of_adds_admits_no_more_than_a_day_has(world: World, at_once: int) -> None:
    await world.begin()
    for start in range(0, len(LONE), at_once):
        world.liar.add(*LONE[start : start + at_once])
        await world.sync()
    assert world.effective() == names(GOOD + LONE[:20])
    assert set_aside(world.fr, world.liar.origin) == 40


@pytest.mark.parametrize("at_once", [30, 1], ids=["at once", "one by one"])
async def test_a_flood_of_disputes_blocks_no_more_than_a_day_has(world: World, at_once: int) -> None:
    await world.begin()
    for start in range(0, len(GOOD), at_once):
        wanted = [digest(name, Algorithm.SHA256) for name in GOOD[start : start + at_once]]
        dispute(world.liar.shelf, world.liar.origin, wanted, collection=BASELINE)
        await world.sync()
    assert len(world.effective()) == 26
    assert world.effective() <= names(GOOD)
    assert set_aside(world.fr, world.liar.origin) == 26


async def test_a_flood_of_withdrawals_blocks_no_more_than_a_day_has(world: World) -> None:
    await world.begin()
    world.liar.add(*GOOD[:20])
    await world.sync()
    for name in GOOD[:20]:
        world.liar.withdraw(name, Reason.ERROR)
        await world.sync()
    assert world.effective() == names(GOOD[5:])
    assert set_aside(world.fr, world.liar.origin) == 15


async def test_the_next_day_the_honest_go_on(world: World) -> None:
    await world.begin()
    world.liar.add(*LONE[:50])
    await world.sync()
    world.federation.advance(days=1, seconds=1)
    world.fr.add("fresh")
    world.nl.add("fresh")
    world.liar.add(*LONE[50:])
    await world.sync()
    assert world.effective() == names([*GOOD, *LONE[:20], *LONE[50:], "fresh"])


async def test_what_is_set_aside_counts_when_a_person_let_it_in(world: World) -> None:
    await world.begin()
    world.liar.add(*LONE)
    await world.sync()
    with world.fr.store.write() as unit:
        for record in unit.quarantine.ls():
            unit.quarantine.release(record.id, now_ms=world.fr.now_ms)
    assert world.effective() == names(GOOD + LONE)
