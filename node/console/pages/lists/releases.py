"""Releases: what partners and agencies get of each subset, what the last ones changed, and one made now.

A release takes in what the node's members list, so its numbers say what became effective and what ceased to be. Who
has a release is who was sent all its files: whether a partner kept them it tells nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from keys.message import Message
from node.access.sessions import Visitor
from node.acts.act import OPERATORS
from node.app.subsets import release_now
from node.clock import milliseconds
from node.console.languages import translated as _
from node.console.parts import Action, Led, Page, Section, Values
from node.console.world import World
from node.store.lists.records import LogKind, LogRecord
from node.store.partners.records import FetchedRelease
from node.store.subsets.records import ReleaseRecord
from node.subsets.catalogue import SubsetReport, report_subset, report_subsets
from protocol.lists.event import collection_name
from protocol.subset.canary import LISTED

ROWS: Final = 50
_HERE: Final = "/console/releases"
_ONE: Final = f"{_HERE}/subset"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetRow:
    """A subset with its newest release."""

    report: SubsetReport
    partners: int
    """How many follow it."""
    epoch_end_ms: int
    """Until when look-ups in its epoch are answered; 0: it is not announced."""

    @property
    def collections(self) -> str:
        """What it takes in."""
        return ", ".join(collection_name(number) for number in sorted(self.report.subset.filter.collections))

    @property
    def hashes(self) -> str:
        """The kinds of hashes that it takes in."""
        return ", ".join(algorithm.name for algorithm in sorted(self.report.subset.filter.algorithms))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasesPage:
    """What the page of all subsets shows."""

    rows: Sequence[SubsetRow]
    lists: Sequence[LogRecord]
    """Own lists, whose publications every release takes in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetPage:
    """What the page of one subset shows."""

    row: SubsetRow
    releases: Sequence[ReleaseRecord]
    """The last ones, newest first."""
    fetched: Mapping[int, int]
    """How many partners fetched last which of them, or an older one."""
    behind: Sequence[tuple[str, FetchedRelease | None]]
    """Partners that have not fetched the newest release, with what they have, the furthest behind first."""
    more_behind: bool
    """Whether there are more of them."""
    test_files: int = len(LISTED)
    """Answers of a release that are of the published test file."""


def gather(world: World, _visitor: Visitor, _query: Values) -> ReleasesPage:
    """All subsets, and the lists that are released."""
    with world.store.read() as unit:
        followed, lists = unit.partners.counts(), unit.logs.ls(LogKind.OWN_LIST)
    rows = [
        _row(world, report, followed.get(report.subset.name, 0)) for report in report_subsets(world.store)
    ]
    return ReleasesPage(rows=rows, lists=lists)


def gather_one(world: World, _visitor: Visitor, query: Values) -> SubsetPage:
    """One; raises `NotFoundError`."""
    name = query.require("name", _("the name of the subset"))
    report = report_subset(world.store, name)
    with world.store.read() as unit:
        followed, releases = unit.partners.counts(), unit.releases.latest(name, limit=ROWS)
        fetched, newest = unit.fetched.counts(name), releases[0].version if releases else 0
        behind = unit.fetched.behind(name, newest, limit=ROWS + 1)
    return SubsetPage(
        row=_row(world, report, followed.get(name, 0)),
        releases=releases,
        fetched=fetched,
        behind=behind[:ROWS],
        more_behind=len(behind) > ROWS,
    )


def _row(world: World, report: SubsetReport, partners: int) -> SubsetRow:
    ends = [
        milliseconds(epoch.valid.end)
        for announced in world.identity.trust.document().subsets
        if announced.name == report.subset.name
        for epoch in announced.epochs
        if epoch.epoch == report.subset.epoch
    ]
    return SubsetRow(report=report, partners=partners, epoch_end_ms=max(ends, default=0))


def release(world: World, _visitor: Visitor, form: Values) -> Led:
    """Publish what is waiting, and release a subset with what is effective now."""
    name = form.require("name", _("the name of the subset"))
    done = release_now(world.identity, world.store, world.evaluator, name)
    told = [*done.told.said, Message("the running node has it cosigned")] if done.published else []
    return Led(f"{_ONE}?name={quote(name, safe='')}", "; ".join(map(_, [done.said, *told])))


PAGES: Final = (
    Page(name="releases", path=_HERE, title="Releases", gather=gather, section=Section.FEDERATION),
    Page(name="release", path=_ONE, title="Subset", gather=gather_one),
)

ACTIONS: Final = (
    Action(name="release-now", path=f"{_ONE}/release", page="release", act=release, roles=OPERATORS),
)
