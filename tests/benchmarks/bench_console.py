"""What the console's pages and what they read cost beside 100,000 entries, 1,000 partners and a year of hits.

Run it as `python -m benchmarks.bench_console` with `tests` and the repository on the path. A page is compared with its
bare queries, the kept judgement with a fold of all lists from nothing; processor time, in turn. With
`SIGFED_LARGE_WORLD=FOLDER` it takes a world that is there (`support.large_world`).
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

from benchmarks.results import Result, report

from node.clock import milliseconds
from node.console.parts import Page
from node.console.surface import PAGES
from node.ports.persons import PersonRole
from node.runtime.checkup import look
from node.runtime.judged import Judge
from node.runtime.logs import publish_one
from node.runtime.opening import Identity
from node.services.lists.importing import import_rows
from node.services.review.effective import current
from node.services.review.explaining import explain
from node.services.review.tracing import effective_before
from node.services.storage.shelf import Shelf
from protocol.digest import Digest
from support.large_examples import LARGE_EXAMPLES, WITHOUT
from support.large_world import FULL, MUCH, ORIGIN, OWN, LargeWorld, file_digests, large_world, made_up_rows
from support.page_timing import Cost, TimedConsole, timed_console

ROUNDS = 5
MOST_RATIO = 3.0
MOST_TABLES = 8.0
"""A page that takes more besides its queries is slow; the queries of most are shorter than writing any page is."""
MOST_STATEMENTS = 50
MOST_OF_A_FOLD = 0.6
"""Of the time for a fold from nothing, when one entry came."""
MOST_KEPT = 0.02
"""The same, when nothing came, or of one hash: neither takes longer where there is more."""
MOST_OF_AN_EXAMINATION = 0.1
"""Of the time that all checks of the node take, for the page that shows what they found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All pages, with what any page takes."""

    costs: Mapping[str, Cost]
    """By the name of the page."""
    frame: float
    """Seconds of a page that shows nothing."""

    def ratio(self, page: str) -> float:
        """How many times its queries a page takes."""
        return self.costs[page].beyond(self.frame)

    def tables(self, page: str) -> float:
        """How many tables could be written in what it takes besides."""
        cost = self.costs[page]
        return cost.rest(self.frame) / cost.table_seconds

    @property
    def heavy(self) -> list[str]:
        """Pages that take more besides their queries than some tables do."""
        return [page for page in self.costs if self.tables(page) > MOST_TABLES]


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """The judgement against a fold, explaining against the same, every page against its queries."""
    with TemporaryDirectory() as name:
        world = large_world(Path(name, "world"), FULL.smaller(divisor))
        found, examining = asyncio.run(_pages(world))
        yield from _told(found, examining)
        with world.opened() as (identity, shelf):
            yield from _judging(world, identity, shelf)


def _judging(world: LargeWorld, identity: Identity, shelf: Shelf) -> Iterator[Result]:
    judge = Judge.of(identity, shelf)
    judge.now()
    digest = file_digests(world.size.own[-1])[0]
    folds, grown, kept, explained = [], [], [], []
    for turn in range(ROUNDS):
        folds.append(_seconds(lambda: _fold(identity, shelf)))
        _add(identity, shelf, 10**9 + turn)
        grown.append(_seconds(judge.now))
        kept.append(_seconds(judge.now))
        explained.append(_seconds(lambda: _explain(shelf, judge, digest)))
    fold = median(folds)
    for what, times, limit in (
        ("judging anew after a new entry", grown, MOST_OF_A_FOLD),
        ("finding that the judgement still stands", kept, MOST_KEPT),
        ("explaining a hash", explained, MOST_KEPT),
    ):
        yield Result(
            name=what,
            value=median(each / whole for each, whole in zip(times, folds, strict=True)),
            limit=limit,
            detail=f"{1000 * median(times):,.1f} ms of processor time against {1000 * fold:,.0f} ms for a fold of"
            f" {world.size.entries:,} entries from nothing",
        )


def _fold(identity: Identity, shelf: Shelf) -> None:
    current(
        shelf,
        identity.trust.members(),
        now=identity.clock.now(),
        max_age=timedelta(hours=identity.settings.guards.max_checkpoint_age_hours),
        previous=effective_before(shelf),
    )


def _explain(shelf: Shelf, judge: Judge, digest: Digest) -> None:
    found = judge.latest()
    explain(shelf, found.current, found.members, [digest], found.rosters)


def _add(identity: Identity, shelf: Shelf, number: int) -> None:
    now_ms = milliseconds(identity.clock.now())
    import_rows(shelf, ORIGIN, made_up_rows([number]), statement=OWN, now_ms=now_ms)
    publish_one(identity, shelf, ORIGIN, MUCH)


async def _pages(world: LargeWorld) -> tuple[Measured, float]:
    """Every page, and how long all checks of the node take."""
    async with timed_console(world) as console:
        running = console.console.world
        await asyncio.to_thread(running.judge.now)
        costs = {page.name: await _cost(console, page) for page in PAGES if page.name not in WITHOUT}
        found = Measured(costs=costs, frame=await console.frame(rounds=ROUNDS))
        return found, _seconds(lambda: look(running.identity, running.shelf))


async def _cost(console: TimedConsole, page: Page) -> Cost:
    query = LARGE_EXAMPLES.get(page.name)
    path = page.path if query is None else f"{page.path}?{query(console.console.world)}"
    return await console.cost(path, _somebody(page), rounds=ROUNDS)


def _told(found: Measured, examining: float) -> Iterator[Result]:
    count, costs = len(found.costs), found.costs
    heavy = sorted(found.heavy, key=found.ratio, reverse=True)
    most = max((page for page in costs if page not in heavy), key=found.tables)
    said = "; ".join(
        f"{page}: {1000 * costs[page].seconds:.0f} ms of processor time against"
        f" {1000 * costs[page].bare_seconds:.0f} ms"
        for page in heavy
    )
    yield Result(
        name="slow pages of the console, the slowest beside its queries",
        value=found.ratio(heavy[0]) if heavy else 0.0,
        limit=MOST_RATIO,
        detail=f"{said or 'none'}, of {count} pages; of the others {most} takes most besides its queries:"
        f" {found.tables(most):.1f} tables of {1000 * costs[most].table_seconds:.2f} ms",
    )
    wordy = max(costs, key=lambda page: costs[page].statements)
    yield Result(
        name="statements of a page",
        value=costs[wordy].statements,
        limit=MOST_STATEMENTS,
        unit="statements",
        detail=f"{wordy}, of {count} pages",
    )
    seconds = costs["health"].seconds
    yield Result(
        name="the page of health beside an examination",
        value=seconds / examining,
        limit=MOST_OF_AN_EXAMINATION,
        detail=f"{1000 * seconds:.1f} ms of processor time against {1000 * examining:.0f} ms for all checks",
    )


def _somebody(page: Page) -> PersonRole:
    return min(page.roles)


def _seconds(act: Callable[[], object]) -> float:
    before = process_time()
    act()
    return process_time() - before


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
