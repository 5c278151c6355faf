"""A scan without a node: a made-up list of any size, the real walk, workers, screen and state.

    python -m support.scanning_alone FOLDER STATE JOBS ENTRIES

prints seconds, files of each status, and the most memory that the process had, in KiB, as a line of JSON.
"""

import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from node.hashing.plan import HashPlan
from node.hashing.workers import HashWorkers
from node.hoster.scan.judge import Screening
from node.hoster.scan.reader import Progress, Reading, locally
from node.hoster.scan.run import Stopping, run_scan
from node.hoster.scan.sources import Walk
from node.hoster.scan.state import open_state
from protocol.subset.files import Held
from protocol.subset.rice import U64Array
from support.subsets import make_release

SCREEN_BITS = 12


def random_list(entries: int) -> Held:
    """A release whose screen has about so many values."""
    rng = np.random.default_rng(1)
    return list_of(np.unique(rng.integers(0, 1 << width(entries), entries, dtype=np.uint64)), width(entries))


def list_of(screen: U64Array, bits: int, *, version: int = 1) -> Held:
    """A release with this screen."""
    plain = make_release(range(1))
    manifest = replace(plain.manifest, screen_width=bits, screen_count=len(screen), not_after_ms=version)
    return Held(version, replace(plain, manifest=manifest, screen=screen))


def width(entries: int) -> int:
    """Bits of a screen value."""
    return (entries - 1).bit_length() + SCREEN_BITS


def scan(
    folder: Path, path: Path, *, jobs: int, entries: int, plan: HashPlan | None = None
) -> dict[str, object]:
    """Scan once; what came of it."""
    plan = plan or HashPlan()
    screening = Screening(random_list(entries))
    began = time.perf_counter()
    with open_state(path, bytes(32)) as state, HashWorkers(jobs, plan) as workers:
        run = state.runs.begin([str(folder)], now_ms=1)

        def read(reading: Reading) -> None:
            reading.read(Walk().paths([str(folder)]), locally(workers))

        asyncio.run(
            run_scan(
                state,
                run,
                screening,
                read,
                asking=None,
                pace=None,
                plan="plan",
                progress=Progress(),
                stopping=Stopping(),
            )
        )
        state.runs.end(run, now_ms=2, passed_over=0)
        summary = state.runs.summary(run)
        listed = sum(1 for _ in state.files.results(run))
    return {
        "seconds": time.perf_counter() - began,
        "files": summary.files,
        "listed": listed,
        "counts": {status.value: count for status, count in summary.counts.items()},
        "memory_kib": _most_memory_kib(),
    }


def _most_memory_kib() -> int:
    """Not `ru_maxrss`, which begins with what the parent had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    told = scan(Path(sys.argv[1]), Path(sys.argv[2]), jobs=int(sys.argv[3]), entries=int(sys.argv[4]))
    sys.stdout.write(json.dumps(told) + "\n")
