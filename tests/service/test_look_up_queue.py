"""Look-ups that share batches: what the node sees of them, and that nobody waits in vain or loses a hit."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from node.errors import ListTooOldError, NodeError, PeerUnreachableError, VerificationError
from node.hoster.cover import BATCH
from node.hoster.judge import queue as requests
from node.hoster.judge.local import verdict_of
from node.hoster.judge.queue import LookUpQueue
from node.hoster.lookup.examiner import Examiner
from node.ports.verdicts import CLEAN, Outcome, Verdict, Verdicts
from protocol.api import SubsetApi
from protocol.digest import Algorithm, Digest
from protocol.messages import EvaluationReply, EvaluationRequest
from protocol.subset.canary import PRESENT
from support.leap import leap
from support.releases import EnrolledPartner, release_both, two_agencies
from support.stores import file_digests, sha256_digest

BEAT = 0.05
LISTED = [f"file {number}" for number in range(40)]


@dataclass
class Watched:
    """The node's API, with what was asked of it; down while `down`."""

    real: SubsetApi
    sizes: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    """Blinded, as they came."""
    down: bool = False
    fail_from: int = 1_000
    changed: Mapping[str, Any] = field(default_factory=dict)
    """Of what it answers."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        self.sizes.append(request.count)
        self.values += [request.elements[at : at + 32] for at in range(0, len(request.elements), 32)]
        if self.down or len(self.sizes) > self.fail_from:
            raise PeerUnreachableError("the node does not answer")
        return replace(await self.real.evaluate(subset, request), **self.changed)


@dataclass
class World:
    partner: EnrolledPartner
    api: Watched

    def examining(self) -> Examiner:
        return self.partner.examiner()

    def queue(self, **changes: int) -> LookUpQueue:
        examiner = self.examining()
        return LookUpQueue(lambda: examiner, tick_seconds=BEAT, **changes)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with two_agencies(tmp_path) as (fr, nl):
        release_both(fr, nl, *LISTED)
        partner = await fr.admit_partner(tmp_path / "partner")
        await partner.update()
        api = Watched(partner.api)
        partner.api = cast("SubsetApi", api)
        yield World(partner, api)


def listed(name: str) -> Sequence[Digest]:
    return file_digests(name)


async def test_callers_at_once_share_one_padded_request(world: World) -> None:
    async with world.queue() as queue:
        hits = await asyncio.gather(*(queue.look_up([listed(name)]) for name in LISTED[:10]))
    assert all(found is not None for (found,) in hits)
    assert world.api.sizes == [64]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param({"request_id": bytes(16)}, "answered another request", id="request"),
        pytest.param({"epoch": 2}, "answered another request", id="epoch"),
        pytest.param({"proof": bytes(64)}, "answer is not proven", id="proof"),
    ],
)
async def test_an_answer_to_something_else_is_no_verdict(
    world: World, changed: Mapping[str, Any], says: str
) -> None:
    world.api.changed = changed
    with pytest.raises(VerificationError, match=says):
        await world.examining().examine([listed(LISTED[0])])


@pytest.mark.threat("logging look-ups")
async def test_a_file_is_another_value_whenever_it_is_looked_up(world: World) -> None:
    for _ in range(2):
        assert await world.examining().examine([listed(LISTED[0])])
    assert len(world.api.values) == len(set(world.api.values)) == 2 * BATCH


@pytest.mark.parametrize("files", [1, 7, 20])
async def test_the_node_cannot_tell_how_many_files_were_asked_about(world: World, files: int) -> None:
    async with world.queue() as queue:
        await asyncio.gather(*(queue.look_up([listed(name)]) for name in LISTED[:files]))
    assert world.api.sizes == [64]


async def test_more_than_a_batch_goes_in_one_request(world: World) -> None:
    """A second one would go as soon as the first was answered and judged, which takes as long as what it found."""
    async with world.queue() as queue:
        hits = await queue.look_up([listed(name) for name in LISTED])
    assert all(hits)
    assert world.api.sizes == [2 * BATCH]


async def test_no_more_than_one_request_is_sent_in_a_beat(world: World) -> None:
    beat, examiner = 1e9, world.examining()  # which ends when it is said to have

    async def again_and_again(names: Sequence[str]) -> None:
        for name in names:
            await queue.look_up([listed(name)])

    async with LookUpQueue(lambda: examiner, tick_seconds=beat) as queue:
        asking = [asyncio.create_task(again_and_again(LISTED[at : at + 3])) for at in (0, 3, 6)]
        for sent in range(3):
            while (queue.waiting, len(world.api.sizes)) != (len(asking), sent):
                assert len(world.api.sizes) <= sent, "one before the beat"
                await asyncio.sleep(0.01)
            leap(beat)
        await asyncio.gather(*asking)
    assert world.api.sizes == [BATCH] * 3


async def test_what_the_screen_clears_waits_for_nobody(world: World) -> None:
    names = [f"stranger {number}" for number in range(200)]
    strangers = [(*file_digests(name), sha256_digest(name)) for name in names]
    clear = [file for file in strangers if not world.examining().survivors([file])]
    assert len(clear) > 150
    async with world.queue() as queue:
        assert await queue.look_up(clear) == [None] * len(clear)
    assert world.api.sizes == []


async def test_a_batch_that_fails_is_told_to_everybody_in_it_and_the_next_one_goes(world: World) -> None:
    world.api.down = True
    async with world.queue() as queue:
        failed = await asyncio.gather(
            *(queue.look_up([listed(name)]) for name in LISTED[:5]), return_exceptions=True
        )
        assert [type(reason) for reason in failed] == [PeerUnreachableError] * 5
        world.api.down = False
        assert (await queue.look_up([listed(LISTED[0])]))[0] is not None


async def test_hits_that_were_answered_outlive_the_failure_of_the_next_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_EVALUATION_BATCH", BATCH)
    many = [[*listed(LISTED[0])] * 20] * 2  # each of them fills more than half a request
    world.api.fail_from = 1
    found: list[int] = []

    async def ask() -> None:
        async for place, hit in queue.verdicts(many):
            found.extend([place] if hit else [])

    async with world.queue() as queue:
        with pytest.raises(PeerUnreachableError):
            await ask()
    assert found == [0]


async def test_whoever_brings_more_than_there_is_room_for_waits_and_is_answered(world: World) -> None:
    async with world.queue(max_waiting=9) as queue:
        asking = asyncio.create_task(queue.look_up([listed(name) for name in LISTED[:12]]))
        await asyncio.sleep(0)
        assert queue.waiting <= 9
        assert all(await asking)
    assert len(world.api.sizes) > 1


async def test_a_caller_that_leaves_disturbs_nobody(world: World) -> None:
    async with world.queue() as queue:
        leaving = asyncio.create_task(queue.look_up([listed(LISTED[0])]))
        staying = asyncio.create_task(queue.look_up([listed(LISTED[1])]))
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying)[0] is not None
    assert leaving.cancelled()


async def test_those_who_still_wait_at_the_end_are_let_go(world: World) -> None:
    queue = world.queue()
    async with queue:
        asking = asyncio.create_task(queue.look_up([listed(LISTED[0])]))
        await asyncio.sleep(0)
    with pytest.raises(NodeError, match="stopping"):
        await asking
    with pytest.raises(NodeError, match="stopping"):
        await queue.look_up([listed(LISTED[0])])


async def test_who_waits_for_a_node_that_is_silent_does_not_wait_for_it_twice(world: World) -> None:
    world.api.down = True
    async with world.queue() as queue:
        many = [digest for name in LISTED for digest in listed(name)] * 100
        first = asyncio.create_task(queue.look_up([many]))
        second = asyncio.create_task(queue.look_up([listed(LISTED[0])]))
        for found in await asyncio.gather(first, second, return_exceptions=True):
            assert isinstance(found, PeerUnreachableError)
        assert len(world.api.sizes) == 1
        world.api.down = False
        assert (await queue.look_up([listed(LISTED[0])]))[0] is not None


async def test_an_old_list_gives_no_verdict(world: World) -> None:
    async with world.queue() as queue:
        world.partner.agency.clock.advance(timedelta(days=4_000))
        with pytest.raises(ListTooOldError):
            await queue.look_up([listed(LISTED[0])])


async def test_a_file_of_more_hashes_than_a_batch_takes_is_looked_up_in_one_request(world: World) -> None:
    huge = [*listed(LISTED[0]), *[Digest(Algorithm.MD5, number.to_bytes(16)) for number in range(200)]]
    async with world.queue() as queue:
        assert (await queue.look_up([huge]))[0] is not None
    assert world.api.sizes == [4 * BATCH]


async def test_the_verdict_says_what_was_found_without_a_hash(world: World) -> None:
    async with world.queue() as queue:
        hit, test_file, clean = await queue.look_up([listed(LISTED[0]), [PRESENT], []])
    assert verdict_of(hit, hit_id="ab12") == Verdict(
        outcome=Outcome.HIT,
        algorithms=("md5", "sha1"),
        collection="baseline",
        countries=("FR", "NL"),
        hit_id="ab12",
    )
    assert verdict_of(test_file).outcome is Outcome.TEST_FILE
    assert verdict_of(clean) is CLEAN


@pytest.mark.parametrize(
    ("parts", "worst"),
    [
        ([], Outcome.CLEAN),
        ([Outcome.CLEAN, Outcome.TEST_FILE], Outcome.TEST_FILE),
        ([Outcome.TEST_FILE, Outcome.UNKNOWN, Outcome.CLEAN], Outcome.UNKNOWN),
        ([Outcome.UNKNOWN, Outcome.HIT, Outcome.CLEAN], Outcome.HIT),
    ],
)
def test_a_file_is_as_bad_as_its_worst_part(parts: list[Outcome], worst: Outcome) -> None:
    assert Verdicts(tuple(Verdict(outcome=part) for part in parts)).whole.outcome is worst
