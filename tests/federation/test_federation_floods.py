"""A member that floods its lists is contained: whatever it adds, disputes or withdraws, its day has a limit.

The liar signs its own document, so it announces limits that stop nobody; the follower's own hold.
"""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest

from keys.trust.node_parts import NodeLimits
from node.clock import DAY_MS
from node.errors import BeyondLimitsError
from node.lists.catalogue import list_origin
from node.lists.corrections.dispute import dispute
from node.lists.pace import MOST_AT_ONCE, FollowGuards
from node.peers.sync.follow import Follower
from node.peers.sync.stage import StagedBundle, Staging
from node.peers.sync.sync import Syncer
from node.store.lists.records import Intake, LogKind
from node.trust.announce import log_info
from protocol.digest import Algorithm, Digest
from protocol.limits import MAX_NODE_LISTS
from protocol.lists.event import BASELINE
from protocol.lists.ext import Reason
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from support.adversary import ListPeer, follow
from support.federation import Agency, Federation
from support.lists import digest
from support.logs import LOG

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


class World:
    """`fr` follows `nl`, which is honest, and `xx`, which is not."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self.fr, self.nl = federation.peers("fr", "nl")
        self.liar = federation.agency("xx.example", "DE")
        federation.introduce(self.fr, self.liar)
        self.liar.revise(lambda old: replace(old, serial=old.serial + 1, limits=BOUNDLESS))
        self.fr.syncer = Syncer(self.fr.store, self.fr.clock, most=MOST)

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
        return {listed for _, listed in self.fr.judged(timedelta(days=7)).decision.effective}


@pytest.fixture
def world(federation: Federation) -> World:
    return World(federation)


def names(wanted: list[str]) -> set[Digest]:
    return {digest(name, Algorithm.SHA256) for name in wanted}


def set_aside(agency: Agency, origin: str) -> int:
    log = agency.log(origin)
    with agency.store.read() as unit:
        return sum(record.last - record.first + 1 for record in unit.quarantine.ls(log.id))


@pytest.mark.threat("a flood")
@pytest.mark.parametrize("at_once", [60, 7, 1], ids=["at once", "in portions", "one by one"])
async def test_a_flood_of_adds_admits_no_more_than_a_day_has(world: World, at_once: int) -> None:
    await world.begin()
    for start in range(0, len(LONE), at_once):
        world.liar.add(*LONE[start : start + at_once])
        await world.sync()
    assert world.effective() == names(GOOD + LONE[:20])
    assert set_aside(world.fr, world.liar.origin) == 40


@pytest.mark.threat("a flood")
@pytest.mark.parametrize("at_once", [30, 1], ids=["at once", "one by one"])
async def test_a_flood_of_disputes_blocks_no_more_than_a_day_has(world: World, at_once: int) -> None:
    await world.begin()
    for start in range(0, len(GOOD), at_once):
        wanted = [digest(name, Algorithm.SHA256) for name in GOOD[start : start + at_once]]
        dispute(world.liar.store, world.liar.origin, wanted, collection=BASELINE)
        await world.sync()
    assert len(world.effective()) == 26
    assert world.effective() <= names(GOOD)
    assert set_aside(world.fr, world.liar.origin) == 26


@pytest.mark.threat("a flood")
async def test_a_flood_of_withdrawals_blocks_no_more_than_a_day_has(world: World) -> None:
    await world.begin()
    world.liar.add(*GOOD[:20])
    await world.sync()
    for name in GOOD[:20]:
        world.liar.withdraw(name, Reason.ERROR)
        await world.sync()
    assert world.effective() == names(GOOD[5:])
    assert set_aside(world.fr, world.liar.origin) == 15


@pytest.mark.threat("a flood")
async def test_lists_without_end_use_up_no_release(world: World) -> None:
    await world.begin()
    own = world.liar.trust.document().logs[0]
    more = [
        log_info(
            "https://127.0.0.1/",
            list_origin(world.liar.name, f"more-{number}"),
            LOG.public,
            valid=own.vkeys[0].valid,
        )
        for number in range(MAX_NODE_LISTS)
    ]
    world.liar.revise(lambda old: replace(old, serial=old.serial + 1, logs=(*old.logs, *more)))
    world.liar.withdraw("its own")
    world.liar.publish()
    world.federation.advance(days=1)
    report = await world.federation.sync(world.fr, world.liar)
    assert f"names more than {MAX_NODE_LISTS} lists" in str(report.error)
    assert len(report.lists) == MAX_NODE_LISTS
    assert sum(each.withdrawals for each in report.lists) == 1, "what is held goes on"
    with world.fr.store.read() as unit:
        held = [log for log in unit.logs.ls(LogKind.PEER_LIST) if log.node == world.liar.name]
    assert len(held) == MAX_NODE_LISTS


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


@pytest.mark.threat("a flood")
async def test_a_head_without_an_end_is_refused_before_anything_is_fetched(federation: Federation) -> None:
    """Its key signs any size: of 2^40 events a follower would fetch for ever, and its disk would be full."""
    clock = federation.clock
    peer = ListPeer("nl.example", clock)
    fr = federation.agency("fr.example", "FR")
    follow(fr, peer)
    peer.grow(300)
    assert (await Syncer(fr.store, clock).sync("nl.example", peer)).succeeded
    stage_something(fr, peer.origin)

    peer.note = sign_checkpoint(Checkpoint(peer.origin, 2**40, b"r" * 32), [peer.key])
    peer.calls.clear()
    refused = await Syncer(fr.store, clock).sync("nl.example", peer)
    assert isinstance(refused.failure, BeyondLimitsError)
    assert "entries" not in peer.calls
    assert not Staging(fr.store, peer.origin).events, "what was staged of it is dropped"
    beyond = await Syncer(fr.store, clock, beyond_limits=True).sync("nl.example", peer)
    assert isinstance(beyond.failure, BeyondLimitsError), "a person cannot allow everything"

    peer.honest_again(peer.history())
    peer.grow(400)
    assert (await Syncer(fr.store, clock).sync("nl.example", peer)).succeeded


@pytest.mark.parametrize(
    ("growth", "days", "beyond_limits", "taken"),
    [
        (2**20, 0, False, True),
        (2**20 + 1, 0, False, False),
        (2**20 + 1, 0, True, True),
        (7 * 2**20, 7, False, True),
        (7 * 2**20 + 1, 7, False, False),
        (MOST_AT_ONCE, 400, False, True),
        (MOST_AT_ONCE + 1, 400, False, False),
        (MOST_AT_ONCE + 1, 400, True, False),
    ],
)
async def test_a_head_may_bring_what_the_days_since_it_was_seen_allow(
    federation: Federation, growth: int, days: int, *, beyond_limits: bool, taken: bool
) -> None:
    fr, nl = federation.peers("fr", "nl")
    nl.publish("one")
    assert (await federation.sync(fr, nl)).succeeded
    follower = Follower(fr.store, MOST, beyond_limits=beyond_limits)
    now_ms = fr.now_ms + days * DAY_MS
    size = fr.log(nl.origin).head.size + growth
    with nullcontext() if taken else pytest.raises(BeyondLimitsError):
        follower.require_room(nl.origin, size=size, now_ms=now_ms)


async def test_a_flood_that_was_allowed_lets_what_follows_through(federation: Federation) -> None:
    """Its withdrawals: they do not wait for the day to be over."""
    fr, nl = federation.peers("fr", "nl")
    nl.publish("one")
    assert (await federation.sync(fr, nl)).succeeded
    log, follower = fr.log(nl.origin), Follower(fr.store, MOST)
    with fr.store.write() as unit:
        unit.quarantine.note_intake(log.id, Intake(received_ms=fr.now_ms, adds=2**23, withdrawals=0))
    for growth in (0, 1, 2**14):
        follower.require_room(nl.origin, size=log.head.size + growth, now_ms=fr.now_ms)
    with pytest.raises(BeyondLimitsError):
        follower.require_room(nl.origin, size=log.head.size + 2**14 + 1, now_ms=fr.now_ms)


def test_all_lists_of_a_peer_share_the_room(federation: Federation) -> None:
    fr = federation.agency("fr.example", "FR")
    follow(fr, ListPeer("nl.example", federation.clock))
    first, other = "nl.example/lists/main", "nl.example/lists/other"
    follower = Follower(fr.store, MOST)
    for origin in (first, other):
        follower.follow(origin, node="nl.example")
    follower.require_room(first, size=MOST_AT_ONCE, now_ms=fr.now_ms)
    stage_something(fr, other)
    with pytest.raises(BeyondLimitsError):
        follower.require_room(first, size=MOST_AT_ONCE, now_ms=fr.now_ms)


def stage_something(agency: Agency, origin: str) -> None:
    """As an interrupted pull leaves it."""
    staging = Staging(agency.store, origin)
    staging.add(StagedBundle(index=0, width=1, entries=b"entries", openings=None))
    staging.flush()
