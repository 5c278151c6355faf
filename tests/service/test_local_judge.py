"""The judge of a partner's machine: hits are recorded first, what cannot be looked up is kept, nobody is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from node.errors import OverQuotaError, PeerUnreachableError
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.judge.local import LocalJudge
from node.hoster.judge.queue import LookUpQueue
from node.hoster.lookup.examiner import Examiner
from node.hoster.lookup.unconfirmed_files import UnconfirmedFiles
from node.hoster.store.kinds import Kind
from node.ports.verdicts import Outcome
from protocol.api import SubsetApi
from protocol.digest import Digest
from protocol.messages import EvaluationReply, EvaluationRequest
from protocol.subset.canary import PRESENT
from support.digest_search import DigestSearch
from support.partner_rows import spoil
from support.releases import EnrolledPartner, release_both, two_agencies
from support.stores import file_digests, sha256_digest


@dataclass
class Moody:
    """The node's API; answers with `failure` while there is one, and holds answers back until `gate` is set."""

    real: SubsetApi
    failure: Exception | None = None
    asked: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        self.asked += 1
        self.arrived.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return await self.real.evaluate(subset, request)


@dataclass
class World:
    partner: EnrolledPartner
    api: Moody
    folder: Path
    told: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def spool(self) -> HitSpool:
        return HitSpool(self.folder)

    @property
    def unconfirmed(self) -> UnconfirmedFiles:
        return UnconfirmedFiles(self.folder, max_kept=3)

    def examining(self) -> Examiner:
        return self.partner.examiner()

    def hear(self, hit: SpooledHit, late: bool) -> None:
        assert self.spool.get(hit.id) == hit, "it is told when it is recorded"
        self.told.append((hit.name, late))

    @asynccontextmanager
    async def judge(self, *, answer_seconds: float | None = None) -> AsyncIterator[LocalJudge]:
        async with LookUpQueue(self.examining, tick_seconds=0.01) as queue:
            yield LocalJudge(
                queue,
                self.examining,
                spool=self.spool,
                unconfirmed=self.unconfirmed,
                clock=self.partner.agency.clock,
                told=self.hear,
                answer_seconds=answer_seconds,
            )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with two_agencies(tmp_path) as (fr, nl):
        release_both(fr, nl, "listed", "also listed")
        partner = await fr.admit_partner(tmp_path / "partner")
        await partner.update()
        api = Moody(partner.api)
        partner.api = cast("SubsetApi", api)
        yield World(partner, api, tmp_path / "partner")


LISTED: Sequence[Digest] = file_digests("listed")
CLEAN: Sequence[Digest] = file_digests("a holiday picture")
DOWN = PeerUnreachableError("fr.example cannot be reached")


async def test_a_hit_is_in_the_spool_when_it_is_told(world: World) -> None:
    async with world.judge() as judge:
        verdicts = await judge.judge([CLEAN, LISTED, [PRESENT]], "upload.zip")
    assert [verdict.outcome for verdict in verdicts.parts] == [Outcome.CLEAN, Outcome.HIT, Outcome.TEST_FILE]
    assert verdicts.whole.hit_id == world.spool.ls()[0].id
    assert world.told == [("upload.zip", False)]


async def test_whoever_hangs_up_loses_no_hit(world: World) -> None:
    world.api.gate.clear()
    async with world.judge() as judge:
        asking = asyncio.create_task(judge.judge([LISTED], "upload"))
        await world.api.arrived.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        world.api.gate.set()
        await judge.drain()
    assert asking.cancelled()
    assert [hit.name for hit in world.spool.ls()] == ["upload"]


async def test_what_the_node_does_not_answer_is_unknown_and_found_later(world: World) -> None:
    world.api.failure = DOWN
    async with world.judge() as judge:
        verdicts = await judge.judge([LISTED, []], "upload")
        assert [verdict.outcome for verdict in verdicts.parts] == [Outcome.UNKNOWN, Outcome.CLEAN]
        assert verdicts.whole.reason == "fr.example cannot be reached"
        assert (judge.waiting, judge.failure) == (1, "fr.example cannot be reached")
        assert await judge.confirm() == 0
        world.api.failure = None
        judge.wake()
        assert await judge.confirm() == 1
        assert (judge.waiting, judge.failure) == (0, "")
        assert judge.late == 1
    assert world.told == [("upload", True)]


async def test_another_process_confirms_what_this_one_could_not(world: World) -> None:
    world.api.failure = DOWN
    async with world.judge() as judge:
        await judge.judge([LISTED], "upload")
    world.api.failure = None
    async with world.judge() as judge:
        assert await judge.confirm() == 1
    assert [hit.name for hit in world.spool.ls()] == ["upload"]


async def test_a_node_that_is_down_is_left_alone(world: World) -> None:
    world.api.failure = DOWN
    async with world.judge() as judge:
        first, second = [(await judge.judge([LISTED], f"upload {number}")).whole for number in range(2)]
        assert first.reason == second.reason
        assert world.api.asked == 1
        strangers = [
            (*file_digests(f"stranger {number}"), sha256_digest(f"stranger {number}")) for number in range(50)
        ]
        clear = next(one for one in strangers if not world.examining().survivors([one]))
        assert (await judge.judge([clear], "clear")).whole.outcome is Outcome.CLEAN
    assert world.api.asked == 1


async def test_a_quota_is_said_and_waited_for(world: World) -> None:
    world.api.failure = OverQuotaError("the evaluations are used up", retry_after_seconds=3600)
    async with world.judge() as judge:
        verdict = (await judge.judge([LISTED], "upload")).whole
        world.api.failure = None
        assert (await judge.judge([LISTED], "upload")).whole == verdict
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "the evaluations are used up")


async def test_an_old_list_is_said_and_judges_nothing(world: World) -> None:
    world.partner.agency.clock.advance(timedelta(days=4_000))
    async with world.judge() as judge:
        verdict = (await judge.judge([CLEAN], "upload")).whole
    assert verdict.outcome is Outcome.UNKNOWN
    assert "ended on" in verdict.reason
    assert len(world.unconfirmed) == 1


async def test_the_same_upload_again_is_kept_once_and_no_more_than_there_is_room_for(world: World) -> None:
    world.api.failure = DOWN
    async with world.judge() as judge:
        for name in ("a", "a", "b", "c", "d", "e"):
            assert (await judge.judge([LISTED], name)).whole.outcome is Outcome.UNKNOWN
        assert judge.waiting == 3


async def test_a_hit_that_cannot_be_recorded_is_told_all_the_same(world: World) -> None:
    (world.folder / "hits.key").mkdir()
    async with world.judge() as judge:
        verdict = (await judge.judge([LISTED], "upload")).whole
    assert (verdict.outcome, verdict.reason) == (Outcome.HIT, "the hit could not be recorded on this machine")
    assert world.told == []


async def test_a_hit_that_cannot_be_recorded_waits_and_is_recorded_when_it_can(world: World) -> None:
    (world.folder / "hits.key").mkdir()
    async with world.judge() as judge:
        await judge.judge([CLEAN, LISTED], "upload")
        assert (judge.waiting, await judge.confirm(), judge.waiting) == (1, 0, 1)
        (world.folder / "hits.key").rmdir()
        assert (await judge.confirm(), judge.waiting) == (1, 0)
    assert world.told == [("upload", True)]


async def test_what_nobody_foresaw_is_unknown_and_kept_and_not_told(world: World) -> None:
    world.api.failure = ValueError("ab" * 32)
    async with world.judge() as judge:
        verdict = (await judge.judge([LISTED], "upload")).whole
        assert judge.waiting == 1
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "the look-up failed: ValueError")


async def test_what_waits_is_looked_up_together(world: World) -> None:
    for number in range(20):
        assert UnconfirmedFiles(world.folder).keep([LISTED], name=str(number), now_ms=1)
    async with world.judge() as judge:
        assert await judge.confirm() == 20
    assert world.api.asked <= 2
    assert len(world.spool.ls()) == 20


async def test_what_is_not_answered_when_the_program_stops_is_kept(world: World) -> None:
    world.api.gate.clear()
    async with world.judge() as judge:
        asking = asyncio.create_task(judge.judge([LISTED], "upload"))
        await world.api.arrived.wait()
        await judge.drain(0.01)
    await judge.drain()
    assert (await asking).whole.reason == "this program is stopping"
    assert len(world.unconfirmed) == 1


async def test_nobody_waits_for_a_node_that_says_nothing(world: World) -> None:
    world.api.gate.clear()
    async with world.judge(answer_seconds=0.2) as judge:
        verdicts = await judge.judge([LISTED, []], "upload")
        assert [verdict.outcome for verdict in verdicts.parts] == [Outcome.UNKNOWN, Outcome.CLEAN]
        assert (verdicts.whole.reason, judge.waiting) == ("the agency's node did not answer in time", 1)
        world.api.gate.set()
        judge.wake()
        assert (await judge.confirm(), judge.waiting) == (1, 0)
    assert world.told == [("upload", True)]


async def test_nothing_that_is_kept_or_said_spells_a_hash(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.api.failure = DOWN
    async with world.judge() as judge:
        verdicts = await judge.judge([LISTED], "upload")
    search = DigestSearch(frozenset(digest.value for digest in LISTED))
    for path in world.folder.glob("state.db*"):
        assert not search.sightings(path.read_bytes(), path.name)
    assert not search.sightings((repr(verdicts) + caplog.text).encode(), "what was said")


def test_a_damaged_file_that_waits_keeps_no_other_back(tmp_path: Path) -> None:
    folder = UnconfirmedFiles(tmp_path)
    for name in ("one", "two"):
        assert folder.keep([LISTED], name=name, now_ms=1)
    first, second = folder.readable(10).files
    spoil(tmp_path, Kind.UNCONFIRMED, first.id)
    assert folder.readable(10) == ([second], 1)


def test_there_is_room_again_for_what_was_confirmed(tmp_path: Path) -> None:
    folder = UnconfirmedFiles(tmp_path, max_kept=30)
    kept = [folder.keep([LISTED], name=str(number), now_ms=1) for number in range(33)]
    assert kept == [True] * 30 + [False] * 3
    folder.forget(folder.readable(1).files[0])
    assert folder.keep([LISTED], name="later", now_ms=1)


async def test_damage_to_what_waits_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.unconfirmed.keep([LISTED], name="upload", now_ms=1)
    (world.folder / "unconfirmed.key").unlink()
    async with world.judge() as judge:
        assert (await judge.confirm(), judge.waiting) == (0, 1)
    assert "unconfirmed-damaged" in caplog.text
