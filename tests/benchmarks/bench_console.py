"""What the console's pages and what they read cost beside 100,000 entries, 1,000 partners and a year of hits.

Run it as `python -m benchmarks.bench_console` with `tests` and the repository on the path. A page is compared with its
bare queries, the kept queue of reviews with a fold of all lists from nothing; processor time, in turn. Beside the
figures it prints what every page took. With `SIGFED_LARGE_WORLD=FOLDER` it takes a world that is there
(`support.large_world`).
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

from benchmarks.page_table import MOST_RATIO, Pages, beside_reading
from benchmarks.results import Result, report, turns_of

from node.app.health.checkup import look
from node.app.judgement import Judge
from node.clock import milliseconds
from node.console.hoster.surface import PAGES as PARTNER_PAGES
from node.console.parts import Page
from node.console.surface import PAGES
from node.identity.identity import Identity
from node.identity.logs import publish_one
from node.judgement.explain import explain
from node.lists.imports.intake import import_rows
from node.store.accounts.records import PersonRole
from node.store.store import Store
from protocol.digest import Digest
from support.large_examples import LARGE_EXAMPLES, WITHOUT
from support.large_world import FULL, MUCH, ORIGIN, OWN, LargeWorld, file_digests, large_world, made_up_rows
from support.page_timing import Cost, TimedConsole, timed_console
from support.partner_pages import HITS, large_seat, partner_cost
from support.whole import effective_before, judge_whole

ROUNDS = 5
PARTNER_ENTRIES = 1_000_000
MOST_TABLES = 5.0
"""Besides its queries, of a page that takes more than three times their time: most take less than writing a page."""
MOST_STATEMENTS = 50
MOST_OF_A_FOLD = 0.1
"""Of the time for a fold from nothing, when one entry came."""
MOST_KEPT = 0.02
"""The same, when nothing came, or of one hash that no judgement is kept of: neither opens what there is more of."""
MOST_OF_AN_EXAMINATION = 0.1
"""Of the time that all checks of the node take, for the page that shows what they found."""


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """The judgement against a fold, explaining against the same, every page against its queries."""
    rounds = turns_of(ROUNDS, divisor)
    with TemporaryDirectory() as name:
        world = large_world(Path(name, "world"), FULL.smaller(divisor))
        found, examining = asyncio.run(_pages(world, rounds))
        sys.stdout.write(f"{found.text}\n")
        yield from _told(found, examining)
        yield from _measured_partner(Path(name, "partner"), PARTNER_ENTRIES // divisor, rounds)
        with world.opened() as (identity, store):
            yield from _judging(world, identity, store, rounds)


def _judging(world: LargeWorld, identity: Identity, store: Store, rounds: int) -> Iterator[Result]:
    judge = Judge.of(identity, store)
    judge.now()
    digest = file_digests(world.size.own[-1])[0]
    folds, grown, kept, explained = [], [], [], []
    for turn in range(rounds):
        folds.append(_seconds(lambda: _fold(identity, store)))
        _add(identity, store, 10**9 + turn)
        grown.append(_seconds(judge.now))
        kept.append(_seconds(judge.now))
        explained.append(_seconds(lambda: _explain(identity, store, digest)))
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


def _fold(identity: Identity, store: Store) -> None:
    judge_whole(
        store,
        identity.trust.members(),
        now=identity.clock.now(),
        max_age=timedelta(hours=identity.settings.guards.max_checkpoint_age_hours),
        previous=effective_before(store),
    )


def _explain(identity: Identity, store: Store, digest: Digest) -> None:
    explain(store, Judge.of(identity, store).some([digest]), [digest])


def _add(identity: Identity, store: Store, number: int) -> None:
    now_ms = milliseconds(identity.clock.now())
    import_rows(store, ORIGIN, made_up_rows([number]), statement=OWN, now_ms=now_ms)
    publish_one(identity, store, ORIGIN, MUCH)


async def _pages(world: LargeWorld, rounds: int) -> tuple[Pages, float]:
    """Every page, and how long all checks of the node take."""
    async with timed_console(world) as console:
        running = console.console.world
        await asyncio.to_thread(running.judge.now)
        costs = {page.name: await _cost(console, page, rounds) for page in PAGES if page.name not in WITHOUT}
        found = Pages(costs=costs, frame=await console.frame(rounds=rounds))
        return found, _seconds(lambda: look(running.identity, running.store))


async def _cost(console: TimedConsole, page: Page, rounds: int) -> Cost:
    query = LARGE_EXAMPLES.get(page.name)
    path = page.path if query is None else f"{page.path}?{query(console.console.world)}"
    return await console.cost(path, _somebody(page), rounds=rounds)


async def _partner_pages(folder: Path, entries: int, rounds: int) -> Mapping[str, Cost]:
    """Every page of a partner's console, beside reading the list and the hits of its home."""
    async with large_seat(folder, entries=entries) as (console, read):
        return {page.name: await partner_cost(console, page, read, rounds=rounds) for page in PARTNER_PAGES}


def _measured_partner(folder: Path, entries: int, rounds: int) -> Iterator[Result]:
    folder.mkdir()
    costs = asyncio.run(_partner_pages(folder, entries, rounds))
    sys.stdout.write(f"{beside_reading(costs)}\n")
    slowest = max(costs, key=lambda page: costs[page].ratio)
    cost = costs[slowest]
    yield Result(
        name="pages of a partner's console, the slowest beside reading its home",
        value=cost.ratio,
        limit=MOST_RATIO,
        detail=f"{slowest}: {1000 * cost.seconds:.1f} ms of processor time against {1000 * cost.bare_seconds:.1f} ms"
        f" for reading and verifying a list of {entries:,} entries, and {HITS} hits",
    )


def _told(found: Pages, examining: float) -> Iterator[Result]:
    costs, slowest = found.costs, found.slowest
    yield Result(
        name="what a page beyond three times its queries takes besides them, in tables of fifty rows",
        value=found.tables(slowest) if slowest else 0.0,
        limit=MOST_TABLES,
        detail=_most(found, slowest) if slowest else "none is",
    )
    wordy = max(costs, key=lambda page: costs[page].statements)
    yield Result(
        name="statements of a page",
        value=costs[wordy].statements,
        limit=MOST_STATEMENTS,
        unit="statements",
        detail=wordy,
    )
    seconds = costs["health"].seconds
    yield Result(
        name="the page of health beside an examination",
        value=seconds / examining,
        limit=MOST_OF_AN_EXAMINATION,
        detail=f"{1000 * seconds:.1f} ms of processor time against {1000 * examining:.0f} ms for all checks",
    )


def _most(found: Pages, page: str) -> str:
    cost = found.costs[page]
    return (
        f"{page}: {1000 * cost.seconds:.1f} ms of processor time against {1000 * cost.bare_seconds:.1f} ms;"
        f" a table takes {1000 * cost.table_seconds:.1f} ms, the frame of any page {1000 * found.frame:.1f} ms;"
        f" {len(found.beyond)} of {len(found.costs)} pages are beyond"
    )


def _somebody(page: Page) -> PersonRole:
    return min(page.roles)


def _seconds(act: Callable[[], object]) -> float:
    before = process_time()
    act()
    return process_time() - before


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
