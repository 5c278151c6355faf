"""A peer that advances is not given up, however long its list takes; one that brings nothing more is."""

import asyncio
import json
from typing import Any, cast

import pytest

from node.peers.sync import pull
from node.peers.sync.deadline import Deadline, EndedError
from node.peers.sync.follow import Follower, StagedBundle
from protocol.api import PeerApi
from protocol.lists.grant import NOTHING, Grant
from support.federation import EVERYTHING, Agency, Federation, check_follows
from support.leap import leap

FILES = 1500
BUNDLES = 6
SECONDS, MOST = 60.0, 100.0
SLOW = 40.0
"""In time for one bundle, and too slow for three."""


@pytest.fixture
def federation(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> Federation:
    """The second has a list, which is fetched bundle by bundle: no time passes while the first is busy with one."""
    _, nl = federation.peers("fr", "nl")
    nl.publish(*(f"file {number}" for number in range(FILES)))
    monkeypatch.setattr(pull, "_AHEAD", 1)
    return federation


class Slow:
    """A link over which each bundle comes later by some seconds, and so many at all."""

    def __init__(self, link: PeerApi, seconds: float, most: int, what: str = "entries") -> None:
        self._link = link
        self._seconds = seconds
        self._left = most
        self._what = what

    def __getattr__(self, name: str) -> Any:
        return self._slowly if name == self._what else getattr(self._link, name)

    async def _slowly(self, origin: str, **place: int) -> bytes:
        self._left -= 1
        if self._left < 0:
            leap(2 * SECONDS)
            await asyncio.Event().wait()
        leap(self._seconds)
        return cast("bytes", await getattr(self._link, self._what)(origin, **place))


async def sync(fr: Agency, nl: Agency, link: Slow) -> float:
    """Sync with a peer that has so many; how many seconds it took."""
    deadline, started = Deadline(SECONDS), asyncio.get_running_loop().time()
    async with deadline.limited():
        report = await fr.syncer.sync(nl.name, cast("PeerApi", link), deadline)
    assert report.succeeded
    return asyncio.get_running_loop().time() - started


async def test_a_list_that_advances_takes_as_long_as_it_takes(federation: Federation) -> None:
    fr, nl = federation.agencies
    took = await sync(fr, nl, Slow(federation.link(fr, nl), SLOW, BUNDLES))
    assert took > SECONDS
    check_follows(fr, nl)


async def test_who_brings_nothing_more_is_given_up_and_what_came_is_kept(federation: Federation) -> None:
    fr, nl = federation.agencies
    link = federation.link(fr, nl)
    with pytest.raises(TimeoutError):
        await sync(fr, nl, Slow(link, 0, 4))
    before = sum(call.what == "entries" for call in link.calls)
    assert (await federation.sync(fr, nl)).succeeded
    assert sum(call.what == "entries" for call in link.calls) - before == BUNDLES - 4
    check_follows(fr, nl)


async def test_who_drips_ends_with_the_trust_files_by_which_it_is_judged(federation: Federation) -> None:
    fr, nl = federation.agencies
    link, deadline = federation.link(fr, nl), Deadline(SECONDS, most=MOST)
    async with deadline.limited():
        with pytest.raises(TimeoutError):
            await fr.syncer.sync(nl.name, cast("PeerApi", Slow(link, SLOW, BUNDLES)), deadline)
    came = sum(call.what == "entries" for call in link.calls)
    assert 0 < came < BUNDLES
    assert (await federation.sync(fr, nl)).succeeded
    check_follows(fr, nl)


async def test_what_this_node_takes_to_judge_is_no_time_of_the_peer(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a machine that judges for longer what is staged would end each sync before it asks for the rest."""
    fr, nl = federation.agencies
    link, stage, loop = federation.link(fr, nl), Follower.stage, asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        await sync(fr, nl, Slow(link, 0, 4))

    def stage_slowly(follower: Follower, origin: str, bundle: StagedBundle) -> None:
        loop.call_soon_threadsafe(leap, SLOW)
        stage(follower, origin, bundle)

    monkeypatch.setattr(Follower, "stage", stage_slowly)
    deadline = Deadline(SECONDS, most=MOST)
    async with deadline.limited():
        assert (await fr.syncer.sync(nl.name, link, deadline)).succeeded
    check_follows(fr, nl)


async def test_who_drips_what_it_opens_ends_with_the_trust_files_too(federation: Federation) -> None:
    fr, nl = federation.agencies
    link, deadline = federation.link(fr, nl), Deadline(SECONDS, most=MOST)
    grant(nl, NOTHING)
    assert (await federation.sync(fr, nl)).succeeded
    grant(nl, EVERYTHING)
    federation.advance(hours=1)
    link.calls.clear()
    async with deadline.limited():
        with pytest.raises(TimeoutError):
            await fr.syncer.sync(nl.name, cast("PeerApi", Slow(link, SLOW, BUNDLES, "openings")), deadline)
    came = sum(call.what == "openings" for call in link.calls)
    assert 0 < came < BUNDLES
    federation.advance(hours=1)
    assert (await federation.sync(fr, nl)).succeeded
    assert sum(call.what == "openings" for call in link.calls) == BUNDLES, "what came is kept"
    check_follows(fr, nl)


def grant(nl: Agency, wanted: Grant) -> None:
    with nl.store.write() as unit:
        unit.peers.update_grant("fr.example", json.dumps(wanted.to_json()))


async def test_who_is_cancelled_waits_until_the_work_has_ended() -> None:
    deadline, begun, ended = Deadline(), asyncio.Event(), list[str]()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            while True:
                deadline.proceed()
        except EndedError:
            ended.append("between two steps")
            raise

    task = asyncio.create_task(deadline.work(work))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert ended == ["between two steps"]
