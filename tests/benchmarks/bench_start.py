"""What starting the command line costs, against a process that imports Typer and does nothing.

Run it as `python -m benchmarks.bench_start` with `tests` and the repository on the path. Both are processes of their
own; processor time is compared, of a user and of the system for it, and they take turns.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from benchmarks.results import Result, in_turns, report

RUNS = 40
MOST_RATIO = 1.7

_TYPER = ("-c", "import typer")
_HELP = ("-m", "node", "--help")


def processor_seconds(arguments: Sequence[str]) -> float:
    """Of a Python with these arguments, from its start to its end."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """`sigfed --help` against its baseline."""
    runs = max(2, RUNS // divisor)
    baselines, ours = in_turns(runs, lambda: processor_seconds(_TYPER), lambda: processor_seconds(_HELP))
    yield Result(
        name="sigfed --help",
        value=median(own / other for own, other in zip(ours, baselines, strict=True)),
        limit=MOST_RATIO,
        detail=f"{1000 * median(ours):.0f} ms of processor time against {1000 * median(baselines):.0f} ms for a"
        " Python that imports Typer",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
