"""Cover: two hosters, one of whom holds what is listed, look the same to their node until one of them reports.

The node's side is one that sees everything: each request, its moment, its words and its sizes. What is inside a batch
it cannot see: blinded elements are uniformly random whatever they hide.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from node.errors import NodeError, OverQuotaError, PeerUnreachableError, RateLimitedError, StoreError
from node.files import create_private
from node.home import Home
from node.hoster import cover
from node.hoster.beat import beat
from node.hoster.cover import Cover
from node.hoster.folder import Enrolment
from node.hoster.hits.exchange import judge
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.sender import HitSender
from node.hoster.own_node import Means, OwnNode
from node.hoster.scan.scans import default_state
from node.hoster.scan.state import state_key
from node.hoster.settle import settle
from node.hoster.trust.node import known
from node.lists.corrections.dispute import dispute, resolve
from node.names import PARTNER_NAME
from protocol.api import HitApi, SubsetApi
from protocol.messages import EvaluationReply, EvaluationRequest
from protocol.statement.end import EndedReports
from support.releases import ReleasingAgency, release_both
from support.sizes import size
from support.stored_scan import Scanning, rotate
from support.stores import Agency, file_digests, make_store, rows, sqlite_dsn

DAYS = 16
"""As many as it takes that something happens, with a day of nothing between."""
UPDATES = size(quick=1, thorough=24)
BEATS = size(quick=1, thorough=96)
"""A day."""
FILES = 40
"""Stored by each of the two, one more a day, and one that is listed from the first, and reported."""
LISTED = {2: ["held 1", "held 2", "held 3"], 10: ["held 4", "nobody's"], 14: ["nobody's either"]}
"""By day; "held" is what one of the two holds."""


@dataclass
class Node:
    """The node as one partner reaches it, with all that it sees of this partner; it fails as it is told to."""

    real: SubsetApi
    now: Callable[[], Any]
    seen: list[tuple[Any, ...]]
    """Of all that this partner's home follows."""
    fails: NodeError | None = None

    def __getattr__(self, name: str) -> Any:
        async def asked(*args: object, **options: object) -> object:
            self.seen.append((self.now(), name, *map(_visible, args), *sorted(options.items())))
            if self.fails is not None and name in {"evaluate", "ended_reports"}:
                raise self.fails
            if name == "ended_reports":
                return EndedReports(ended=()).to_bytes()
            return await getattr(self.real, name)(*args, **options)

        return asked


def _visible(value: object) -> object:
    """What a request says: of a batch its epoch, how many elements it has and how long it is."""
    if isinstance(value, EvaluationRequest):
        return value.subset_id, value.epoch, value.count, len(value.to_bytes())
    return repr(value)


class Hoster(Scanning):
    """A partner with stored files, as its commands and its daemon work for it."""

    node: Node
    home: Home

    @classmethod
    async def enrolled(
        cls, fr: ReleasingAgency, nl: Agency, name: str, folder: Path, seen: list[tuple[Any, ...]]
    ) -> "Hoster":
        partner = await fr.admit_partner(folder / "partner", name=name)
        partner.api = cast("SubsetApi", Node(fr.api(name), fr.clock.now, seen))
        made = cls(fr, nl, partner, folder)
        made.node = cast("Node", partner.api)
        made.home = Home(folder)
        made.spool = hit_spool(made.home)
        made.state, made.state_key = default_state(made.home), state_key(made.home.partner)
        return made

    async def update(self) -> None:
        """As `sigfed update`."""
        report = await self.partner.update()
        assert not (await settle(self.home, anew=report.anew, means=self.means)).problem.startswith("hits")

    async def beat(self) -> None:
        """As the daemon at its beat; a batch that fails is nobody's error."""
        await beat(self.home, means=self.means)

    @property
    def means(self) -> Means:
        """What the product works with here."""

        @asynccontextmanager
        async def reach(_home: Home, _enrolment: Enrolment) -> AsyncIterator[OwnNode]:
            yield cast("OwnNode", self.node)

        return Means(clock=self.fr.clock, reach=reach)

    def uncover(self) -> None:
        """Switch cover off."""
        self.cover = Cover.OFF
        create_private(self.home.folder / PARTNER_NAME, b'cover = "off"\n')

    @property
    def met(self) -> set[str]:
        return {Path(hit.name).name for hit in self.spool.ls()}

    async def report(self) -> None:
        """Report the newest hit; the node is not there, but sees it."""
        enrolment, _ = self.partner.home.load()
        api = cast("HitApi", self.node)
        sender = HitSender(self.spool, enrolment, known(enrolment), api, self.fr.clock)
        with pytest.raises(AttributeError):
            await sender.report(self.spool.ls()[-1], self.partner.examiner())


@dataclass
class Subset:
    """What happens at an agency day by day, and two hosters who follow its subset."""

    fr: ReleasingAgency
    nl: Agency
    holder: Hoster
    other: Hoster

    def begin(self, day: int) -> None:
        fr = self.fr
        if day in LISTED:
            for agency in (fr.lists, self.nl):
                agency.add(rows(*LISTED[day]))
        if day == 8:
            rotate(fr)
        if day in (2, 5, 6, 8, 10, 14):
            fr.follow(self.nl)
            if day in (5, 6):  # for a day it is listed no more
                (dispute if day == 5 else resolve)(fr.store, fr.lists.origin, file_digests("held 1"))
            assert fr.release().published
        for hoster in (self.holder, self.other):
            hoster.store(f"new {day}")


@dataclass
class Watched:
    """Two homes of hosters, who are asked by nobody what they hold; each follows these subsets."""

    subsets: list[Subset]

    async def run(self, days: int = DAYS) -> None:
        for day in range(days):
            for subset in self.subsets:
                subset.begin(day)
            for hour in range(24):
                for home in (self.holder, self.other):
                    await self._hour(home, day, hour)
                for subset in self.subsets:
                    subset.fr.clock.advance(timedelta(hours=1))

    @property
    def holder(self) -> list[Hoster]:
        """Of the home that holds what is listed, the client of each subset."""
        return [subset.holder for subset in self.subsets]

    @property
    def other(self) -> list[Hoster]:
        return [subset.other for subset in self.subsets]

    @property
    def seen(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """All that the node saw of each home."""
        return self.holder[0].node.seen, self.other[0].node.seen

    async def _hour(self, home: list[Hoster], day: int, hour: int) -> None:
        for hoster in home:
            hoster.node.fails = self._failure(day, hour)
        if day in (11, 12):
            return  # both machines are off
        for hoster in home:
            if hour % (24 // UPDATES) == 0:
                await hoster.update()
        for _ in range(_times(hour, BEATS)):
            for hoster in home:
                await hoster.beat()
        for hoster in home:
            if hour == 3:
                await hoster.scan()

    def _failure(self, day: int, hour: int) -> NodeError | None:
        if day in (2, 3):  # just when something was listed
            return OverQuotaError("used up", retry_after_seconds=9)
        if day == 8 and hour < 12:
            return PeerUnreachableError("away")
        if day == 10 and hour % 2 == 0:
            return RateLimitedError("too many", retry_after_seconds=1)
        return None


def _times(hour: int, a_day: int) -> int:
    """How many of so many a day fall into this hour."""
    return (hour + 1) * a_day // 24 - hour * a_day // 24


@pytest.fixture(params=size(quick=[2], thorough=[1, 2]), ids=lambda number: f"{number} subsets")
async def watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Watched]:
    monkeypatch.setattr(cover, "TICK_SECONDS", 1e-9)
    seen: dict[str, list[tuple[Any, ...]]] = {"held": [], "mine": []}
    subsets = [await followed(tmp_path / str(number), seen) for number in range(request.param)]
    yield Watched(subsets)
    for each in subsets:
        each.fr.evaluator.close()
        for store in (each.fr.store, each.nl.store):
            store.dispose()


async def followed(folder: Path, seen: dict[str, list[tuple[Any, ...]]]) -> Subset:
    """A subset that both follow, who have scanned their files."""
    folders = [folder / name for name in ("fr", "nl")]
    for each in folders:
        each.mkdir(parents=True)
    stores = [make_store(sqlite_dsn(each), each) for each in folders]
    fr, nl = ReleasingAgency(stores[0], folders[0]), Agency(stores[1], folders[1], node="nl.example")
    release_both(fr, nl, "before")
    hosters = []
    for named, what in seen.items():
        (folder / named).mkdir()
        hoster = await Hoster.enrolled(fr, nl, f"hoster-{named}", folder / named, what)
        hoster.store("before", *(f"{named} {number}" for number in range(FILES)))
        await hoster.partner.update()
        await hoster.scan()
        [reported] = hoster.spool.ls()
        hoster.spool.save(replace(reported, tried=True))
        hosters.append(hoster)
    return Subset(fr, nl, *hosters)


@pytest.mark.slow
@pytest.mark.threat("logging look-ups")
async def test_the_node_cannot_tell_who_holds_what_is_listed_until_he_reports(watched: Watched) -> None:
    await watched.run()
    for holder, other in zip(watched.holder, watched.other, strict=True):
        assert holder.met == {"before", "held 1", "held 2", "held 3", "held 4"}
        assert other.met == {"before"}
    of_holder, of_other = watched.seen
    assert len(of_holder) > DAYS * (UPDATES + BEATS) * len(watched.subsets)
    assert {name for _, name, *_ in of_holder} >= {"evaluate", "ended_reports"}
    assert of_holder == of_other
    await watched.holder[-1].report()
    assert of_holder != of_other


async def test_no_release_is_read_where_no_hit_waits_for_one(watched: Watched) -> None:
    subset = watched.subsets[0]
    subset.begin(2)
    await subset.other.update()
    (release,) = (subset.other.home.partner / "releases").iterdir()
    (release / "answers.u64").unlink()
    with pytest.raises(StoreError):
        judge(subset.other.home, means=subset.other.means)
    for hit in subset.other.spool.ls():
        subset.other.spool.drop(hit)
    assert judge(subset.other.home, means=subset.other.means) == []


async def test_without_cover_the_first_request_after_a_release_tells(watched: Watched) -> None:
    for hoster in (*watched.holder, *watched.other):
        hoster.uncover()
    await watched.run(min(LISTED) + 2)
    of_holder, of_other = watched.seen
    assert of_holder != of_other


@pytest.mark.parametrize(("prepared", "sent"), [(0.05, 0.25), (0.3, 0.5)])
async def test_a_batch_goes_whole_ticks_after_it_was_begun(
    tmp_path: Path, prepared: float, sent: float
) -> None:
    store = make_store(sqlite_dsn(tmp_path), tmp_path)
    fr = ReleasingAgency(store, tmp_path)
    fr.lists.add(rows("before"))
    assert fr.release().published
    partner = await fr.admit_partner(tmp_path / "partner")
    await partner.update()
    moments: list[float] = []

    async def evaluate(_subset: str, _request: EvaluationRequest) -> EvaluationReply:
        moments.append(asyncio.get_running_loop().time())
        raise PeerUnreachableError("away")

    partner.api.evaluate = evaluate  # type: ignore[assignment]
    begun = asyncio.get_running_loop().time() - prepared
    with pytest.raises(PeerUnreachableError):
        await partner.examiner().evaluate([], begun=begun)
    assert moments[0] - begun >= sent
    fr.evaluator.close()
    store.dispose()
