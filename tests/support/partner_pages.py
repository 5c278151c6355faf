"""What the pages of a partner's console cost beside reading what they show: a home asks no database, it reads files.

    async with large_seat(folder, entries=1_000_000) as (console, bare):
        cost = await partner_cost(console, page, bare)

What is read is the release in force, verified as at every use, and the hits that are recorded.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final

from node.console.hoster.world import PartnerWorld
from node.console.parts import Page
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from support.console import RunningConsole
from support.page_timing import Cost
from support.partner_console import BE, EXAMPLES, NL, Seat, partner_console_of, world_of

_WIDTH: Final = 2**43
HITS: Final = 200


@asynccontextmanager
async def large_seat(
    folder: Path, *, entries: int
) -> AsyncIterator[tuple[RunningConsole[PartnerWorld], Callable[[], object]]]:
    """The console of a home with a list of so many entries and some hits, and what reads both."""
    seat = Seat(folder)
    seat.world.log.release(range(0, _WIDTH, -(-_WIDTH // entries)))
    seat.world.show(NL, BE)
    await seat.world.update()
    for number in range(HITS):
        seat.find(f"2026/uploads/{number:04}.jpg", hours_ago=number / 4)

    def read() -> object:
        return HeldReleases(PartnerFolder(seat.home.partner)).in_force(), seat.spool.readable()

    async with partner_console_of(world_of(seat)) as console:
        yield console, read


async def partner_cost(
    console: RunningConsole[PartnerWorld],
    page: Page[PartnerWorld],
    bare: Callable[[], object],
    *,
    rounds: int,
) -> Cost:
    """What a page costs, in turn with reading what it shows; it is asked for once before."""
    query = EXAMPLES.get(page.name)
    path = page.path if query is None else f"{page.path}?{query(console.world)}"
    async with console.as_role(min(page.roles)) as browser:
        taken = []
        for _ in range(rounds + 1):
            before = process_time()
            reply = await browser.get(path)
            asked = process_time()
            assert reply.status == 200, f"{path} answered {reply.status}"
            bare()
            taken.append((asked - before, process_time() - asked))
    later = taken[1:]
    return Cost(
        seconds=median(seconds for seconds, _ in later),
        bare_seconds=median(bare for _, bare in later),
        statements=0,
        ratio=median(seconds / bare for seconds, bare in later),
    )
