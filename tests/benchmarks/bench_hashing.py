"""How much hashing a folder costs above the three hashes themselves, and against the programs that compute one each.

Run it as `python -m benchmarks.bench_hashing` with `tests` and the repository on the path. The files are of mixed
sizes, half of them small, and in the page cache: what is measured is the work around hashing, not a disk. Processes are
started before the clock is.
"""

import hashlib
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from benchmarks.results import Result, in_turns, report

from node.hashing.plan import HashPlan
from node.hashing.workers import HashWorkers, processors

FILES = 6_000
SMALL = 4_000
"""Bytes of every other file."""
MEAN_LARGE = 200_000
RUNS = 5
MOST_LOOP = 1.2
MOST_PROGRAMS = 0.8
PROGRAMS = ("sha256sum", "sha1sum", "md5sum")
_CHUNK = 1 << 20
_PLAN = HashPlan(images=False, archives=False)


def make_files(folder: Path, count: int) -> list[Path]:
    """Files of random bytes whose sizes are spread as those of uploads are, over some decades."""
    rng = np.random.default_rng(1)
    paths = []
    for number in range(count):
        size = SMALL if number % 2 else int(rng.exponential(MEAN_LARGE)) + 1
        path = folder / f"{number:06}"
        path.write_bytes(rng.bytes(size))
        paths.append(path)
    return paths


def loop(paths: Sequence[Path]) -> int:
    """The baseline: read each file once, feed three digests."""
    total = 0
    for path in paths:
        states = (hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False), hashlib.sha256())
        with path.open("rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK):
                for state in states:
                    state.update(chunk)
        total += sum(len(state.digest()) for state in states)
    return total


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Workers against the loop in as many processes, and against the three programs in turn."""
    jobs = processors()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        paths = make_files(folder, max(jobs, FILES // divisor))
        size = sum(path.stat().st_size for path in paths)
        workers = stack.enter_context(HashWorkers(jobs, _PLAN))
        context = multiprocessing.get_context("spawn")
        pool = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=context))
        ours, loops, programs = in_turns(
            RUNS,
            lambda: timed(lambda: hash_all(workers, paths)),
            lambda: timed(lambda: loop_all(pool, paths, jobs)),
            lambda: timed(lambda: ask_programs(paths)),
        )
    ours, loops, programs = ours[1:], loops[1:], programs[1:]  # the first round starts the processes
    yield _result("a loop of the three digests", ours, loops, MOST_LOOP, jobs, f"{len(paths):,} files", size)
    if programs_there():
        yield _result(
            "md5sum, sha1sum and sha256sum in turn", ours, programs, MOST_PROGRAMS, jobs, "the same", size
        )


def hash_all(workers: HashWorkers, paths: Sequence[Path]) -> None:
    """What is measured."""
    assert sum(outcome.hashed is not None for outcome in workers.results(paths)) == len(paths)


def loop_all(pool: Executor, paths: Sequence[Path], jobs: int) -> None:
    """The loop in as many processes, each with its share from the start."""
    assert sum(pool.map(loop, [paths[share::jobs] for share in range(jobs)])) == 68 * len(paths)


def programs_there() -> bool:
    """Whether this machine has them."""
    return all(map(shutil.which, PROGRAMS))


def ask_programs(paths: Sequence[Path]) -> None:
    """The programs of coreutils, one after the other, as somebody types them."""
    if not programs_there():
        return
    names = b"".join(bytes(path) + b"\0" for path in paths)
    for program in PROGRAMS:
        subprocess.run(["xargs", "-0", program], input=names, stdout=subprocess.DEVNULL, check=True)


def timed(work: Callable[[], None]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _result(
    name: str, ours: Sequence[float], theirs: Sequence[float], most: float, jobs: int, what: str, size: int
) -> Result:
    return Result(
        name=f"exact hashes, against {name}",
        value=statistics.median(one / other for one, other in zip(ours, theirs, strict=True)),
        limit=most,
        detail=f"{what}, {size / 2**20:,.0f} MiB with {jobs} workers in {statistics.median(ours):.2f} s "
        f"against {statistics.median(theirs):.2f} s",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
