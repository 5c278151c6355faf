"""What judging all lists by ranges takes, against folding them whole: memory, and time.

Run it as `python -m benchmarks.bench_judgement` with `tests` and the repository on the path. Two agencies list the same
files, and one of them judges both lists as for a release. A range has as many events however long the lists are, so
the share of the memory falls as they grow.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.results import Result, in_turns, report

from node.judgement.effective import judge_all
from node.store.store import Store
from support.lists import member, register
from support.stores import Agency, make_store, rows, sqlite_dsn
from support.whole import judge_whole

FILES = 40_000
RUNS = 3
MOST_MEMORY = 0.5
MOST_TIME = 1.5
MEMBERS = register(member("fr.example", "FR"), member("nl.example", "NL"))
MAX_AGE = timedelta(days=1)


def _world(folder: Path, files: int, stores: ExitStack) -> Agency:
    """An agency that holds its list and another's."""
    agencies = []
    for node in ("fr.example", "nl.example"):
        (folder / node).mkdir()
        store = make_store(sqlite_dsn(folder / node), folder / node)
        stores.callback(store.dispose)
        agencies.append(Agency(store, folder / node, node=node))
        agencies[-1].add(rows(*(f"file {number}" for number in range(files))))
        agencies[-1].publish()
    agencies[0].pull(agencies[1])
    return agencies[0]


def _by_ranges(store: Store, now: datetime) -> int:
    judged = judge_all(store, MEMBERS, now=now, max_age=MAX_AGE, previous=frozenset())
    return sum(1 for share in judged.shares for _, digest in share.effective for _ in share.each(digest))


def _whole(store: Store, now: datetime) -> int:
    return len(judge_whole(store, MEMBERS, now=now, max_age=MAX_AGE).decision.effective)


def _seconds(judge: Callable[[], int], expected: int) -> float:
    started = time.process_time()
    assert judge() == expected
    return time.process_time() - started


def _peak(judge: Callable[[], int]) -> float:
    """MiB that judging takes at once, of what Python allots."""
    tracemalloc.start()
    try:
        judge()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Both figures."""
    files = max(1, FILES // divisor)
    with TemporaryDirectory() as name, ExitStack() as stores:
        agency = _world(Path(name), files, stores)
        now = datetime.fromtimestamp(agency.now_ms / 1000, UTC)
        sides = (lambda: _by_ranges(agency.store, now)), (lambda: _whole(agency.store, now))
        ranges, whole = in_turns(RUNS, *((lambda side=side: _seconds(side, 2 * files)) for side in sides))
        peaks = [_peak(side) for side in sides]
    yield Result(
        name="memory of judging by ranges",
        value=peaks[0] / peaks[1],
        limit=MOST_MEMORY,
        detail=f"{peaks[0]:.0f} MiB against {peaks[1]:.0f} MiB for a fold of {4 * files:,} entries",
    )
    yield Result(
        name="time of judging by ranges",
        value=median(own / other for own, other in zip(ranges, whole, strict=True)),
        limit=MOST_TIME,
        detail=f"{median(ranges):.1f} s of processor time against {median(whole):.1f} s",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
