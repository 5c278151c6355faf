"""What the console's pages and what they read cost beside 100,000 entries, 1,000 partners and a year of hits.

Run it as `python -m benchmarks.bench_console` with `tests` and the repository on the path. A page is compared with its
bare queries, the kept judgement with a fold of all lists from nothing; processor time, in turn.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
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
from node.runtime.judged import Judge
from node.runtime.logs import publish_one
from node.runtime.opening import Identity
from node.services.lists.importing import import_rows
from node.services.review.effective import current
from node.services.review.explaining import explain
from node.services.review.tracing import effective_before
from node.services.storage.shelf import Shelf
from protocol.digest import Digest
from support.large_world import FULL, MUCH, ORIGIN, OWN, LargeWorld, file_digests, large_world, made_up_rows
from support.page_timing import Cost, timed_console

ROUNDS = 3
MOST_RATIO = 3.0
NOTICED = 0.1
"""Seconds of processor time from which on a page is slow; below, the frame and trust files are most of it."""
MOST_STATEMENTS = 50
MOST_OF_A_FOLD = 0.6
"""Of the time for a fold from nothing, when one entry came."""
MOST_KEPT = 0.02
"""The same, when nothing came, or of one hash: neither takes longer where there is more."""
_UNREAD = frozenset({"health"})
"""Pages that look at files and processes: there are no queries to compare them with."""


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """The judgement against a fold, explaining against the same, every page against its queries."""
    with TemporaryDirectory() as name:
        world = large_world(Path(name, "world"), FULL.smaller(divisor))
        with world.opened() as (identity, shelf):
            yield from _judging(world, identity, shelf)
        yield from asyncio.run(_pages(world))


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


async def _pages(world: LargeWorld) -> list[Result]:
    costs: dict[str, Cost] = {}
    async with timed_console(world) as console:
        for page in PAGES:
            if page.name not in _UNREAD:
                cost = await console.cost_or_none(page.path, _somebody(page), rounds=ROUNDS)
                if cost is not None:
                    costs[page.path] = cost
        frame = await console.frame(rounds=ROUNDS)
    slow = [path for path in costs if costs[path].seconds > NOTICED] or list(costs)
    slowest = max(slow, key=lambda path: costs[path].beyond(frame))
    most = max(costs, key=lambda path: costs[path].statements)
    return [
        Result(
            name="slow pages of the console, the slowest beside its queries",
            value=costs[slowest].beyond(frame),
            limit=MOST_RATIO,
            detail=f"{slowest}, of {len(slow)} slow pages of {len(costs)}: {1000 * costs[slowest].seconds:.0f} ms of"
            f" processor time, {1000 * frame:.0f} of them as of any page, against"
            f" {1000 * costs[slowest].bare_seconds:.0f} ms",
        ),
        Result(
            name="statements of a page",
            value=costs[most].statements,
            limit=MOST_STATEMENTS,
            unit="statements",
            detail=f"{most}, of {len(costs)} pages",
        ),
    ]


def _somebody(page: Page) -> PersonRole:
    return min(page.roles)


def _seconds(act: Callable[[], object]) -> float:
    before = process_time()
    act()
    return process_time() - before


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
