"""What an event of a first sync costs, where both sides list the same files and where they share none.

Run it as `python -m benchmarks.bench_sync` with `tests` and the repository on the path. Two agencies import, publish
and sync made-up lists by the services of a node, over a link without sockets. Processor time is that of the node that
syncs: what reading the list takes by itself is taken off.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.results import Result, report

from node.demo.generate import CATEGORIES, Shape, generate
from node.formats import read_rows
from node.lists.imports.intake import Statement, import_rows
from protocol.lists.event import BASELINE
from protocol.lists.opening import Basis
from protocol.tlog.tiles import bundle_widths
from support.federation import Agency, Federation, Link

HASHES = 100_000
"""As many as one day allows."""
MOST_US = 25


def _publish(agency: Agency, table: Path) -> None:
    statement = Statement(basis=Basis.OWN, criteria=1)
    with table.open("rb") as stream:
        rows = read_rows(stream, collection=BASELINE, categories=CATEGORIES)
        import_rows(agency.store, agency.origin, rows, statement=statement, now_ms=agency.now_ms)
    agency.publish()


def microseconds(hashes: int, *, shared: float) -> float:
    """Of the processor, for each event of a first sync of a list that shares so much with the node's own."""
    with TemporaryDirectory() as scratch, Federation(Path(scratch)) as federation:
        fr, nl = federation.agency("fr.example", "FR"), federation.agency("nl.example", "NL")
        federation.introduce(fr, nl)
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


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Both worlds."""
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


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
