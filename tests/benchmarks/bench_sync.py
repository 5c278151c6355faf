"""What an event of a first sync costs, where both sides list the same files and where they share none.

Run it as `python -m benchmarks.bench_sync` with `tests` and the repository on the path. Two agencies import, publish
and sync made-up lists by the services of a node, over a link without sockets. Processor time is that of the node that
syncs: what reading the list takes by itself is taken off. Memory is what Python allots at once while a list that was
fetched is taken over; of shorter lists the slices are shorter, too.
"""

import asyncio
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from benchmarks.results import Result, report

from node.demo.generate import CATEGORIES, Shape, generate
from node.formats import read_rows
from node.lists.imports.intake import Statement, import_rows
from node.peers.sync import slices, stage
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis
from protocol.tlog.tiles import bundle_widths
from support.federation import Agency, Federation, Link
from support.stores import Agency as Lone
from support.stores import make_store, sqlite_dsn

HASHES = 100_000
"""As many as one day allows."""
MOST_US = 20
MOST_GROWTH = 1.3


def _publish(agency: Agency | Lone, table: Path) -> None:
    statement = Statement(basis=Basis.OWN, criteria=1)
    with table.open("rb") as stream:
        rows = read_rows(stream, collection=BASELINE, categories=CATEGORIES)
        import_rows(agency.store, agency.origin, rows, statement=statement, now_ms=agency.now_ms)
    agency.publish()


def microseconds(hashes: int, *, shared: float) -> float:
    """Of the processor, for each event of a first sync of a list that shares so much with the node's own."""
    with TemporaryDirectory() as scratch, Federation(Path(scratch)) as federation:
        fr, nl = federation.peers("fr", "nl")
        tables = generate(Path(scratch), ["fr", "nl"], Shape(hashes=hashes, shared=shared))
        for agency, (table, _) in zip((fr, nl), tables, strict=True):
            _publish(agency, table)
        link = federation.link(nl, fr)
        started = time.process_time()
        outcome = asyncio.run(nl.syncer.sync(fr.name, link))
        synced = time.process_time()
        asyncio.run(_read(link, fr.origin, hashes))
        spent = 2 * synced - started - time.process_time()
        events = nl.log(fr.origin).head.size
        assert outcome.succeeded
        assert events == hashes
        return 1e6 * spent / events


async def _read(link: Link, origin: str, size: int) -> None:
    """What the other node does for it: every bundle and its openings."""
    for index, width in bundle_widths(0, size):
        await link.entries(origin, index=index, width=width)
        await link.openings(origin, index=index, width=width)


def peak(hashes: int, *, divisor: int) -> int:
    """Octets that Python allots at once to take a list over, with slices that are as much shorter."""
    with (
        TemporaryDirectory() as scratch,
        patch.object(slices, "EVENTS", max(slices.EVENTS // divisor // BUNDLE_WIDTH, 1) * BUNDLE_WIDTH),
        patch.object(slices, "_ROWS", slices._ROWS // divisor),
        patch.object(stage, "_PART", max(stage._PART // divisor, 1)),
    ):
        fr, nl = _lone(Path(scratch), "fr.example"), _lone(Path(scratch), "nl.example")
        ((table, _),) = generate(Path(scratch), ["fr"], Shape(hashes=hashes, shared=0))
        _publish(fr, table)
        nl.follower.follow(fr.origin, node=fr.node)
        delivery = nl.stage(fr)
        tracemalloc.start()
        try:
            nl.follower.commit(fr.origin, delivery, now_ms=nl.now_ms)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            fr.store.dispose()
            nl.store.dispose()


def _lone(scratch: Path, name: str) -> Lone:
    folder = scratch / name
    folder.mkdir()
    return Lone(make_store(sqlite_dsn(folder), folder), folder, node=name)


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Both worlds, and the memory that a longer list takes."""
    hashes = HASHES // divisor
    apart, same = microseconds(hashes, shared=0), microseconds(hashes, shared=1)
    yield Result(
        name="an event of a first sync",
        value=same,
        limit=MOST_US,
        unit="µs",
        detail=f"{hashes:,} events, the same files on both sides; {apart:.1f} us where they share none",
    )
    yield Result(
        name="guards where both sides list the same",
        value=same / apart,
        limit=2,
        detail=f"{same:.1f} us an event against {apart:.1f} us where they share none",
    )
    short, long = peak(hashes, divisor=divisor), peak(4 * hashes, divisor=divisor)
    yield Result(
        name="memory of a first sync, the list four times as long",
        value=long / short,
        limit=MOST_GROWTH,
        detail=f"{long >> 10:,} KiB for {4 * hashes:,} events against {short >> 10:,} KiB for {hashes:,}",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
