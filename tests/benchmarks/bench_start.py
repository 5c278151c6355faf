"""What starting the command line costs, against a process that imports Typer and does nothing.

Run it as `python -m benchmarks.bench_start` with `tests` and the repository on the path. All are processes of their
own, of a program whose modules are compiled, as an installed one's are; processor time is compared, of a user and of
the system for it, and they take turns. The homes are made for it, and no node runs.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.results import Result, in_turns, report

from support.agencies import Federation
from support.federated import federated
from support.processes import PROGRAM, environment

RUNS = 40

_TYPER = ("-c", "import typer")


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    words: tuple[str, ...]
    most: float
    """Times what importing Typer takes."""


def _figures(made: Federation) -> Iterator[_Figure]:
    nowhere = str(made.folder / "nowhere")
    yield _Figure("sigfed --help", ("--help",), 1.7)
    yield _Figure("list ls where nothing lives", ("--home", nowhere, "list", "ls"), 3.5)
    for words in ("list ls", "peer ls", "hit ls"):
        yield _Figure(f"{words} of an agency", ("--home", str(made.fr.home), *words.split()), 8)
    yield _Figure("status of an agency", ("--home", str(made.fr.home), "status"), 10.5)
    yield _Figure("status of a partner", ("--home", str(made.partner.home), "status"), 6.5)
    yield _Figure("hit ls of a partner", ("--home", str(made.partner.home), "hit", "ls"), 5.5)
    check = ("--home", str(made.partner.home), "check", made.files["unlisted"])
    yield _Figure("check of a partner, a miss", check, 12)


def processor_seconds(arguments: Sequence[str], variables: Mapping[str, str]) -> float:
    """Of a Python with these arguments, from its start to its end; whatever its exit code says."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=variables,
        check=False,
    )
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _compiled(folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": os.fspath(folder)}


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Each command against the baseline."""
    runs = max(1, RUNS // divisor)
    with TemporaryDirectory() as scratch, federated(Path(scratch), running=()) as made:
        variables = _compiled(Path(scratch) / "compiled") if runs > 1 else environment()
        if runs > 1:
            processor_seconds(_TYPER, variables)
        for figure in _figures(made):
            yield _result(figure, runs, variables)


def _result(figure: _Figure, runs: int, variables: Mapping[str, str]) -> Result:
    words = (*PROGRAM[1:], *figure.words)
    if runs > 1:
        processor_seconds(words, variables)  # which compiles what is loaded
    baselines, ours = in_turns(
        runs, lambda: processor_seconds(_TYPER, variables), lambda: processor_seconds(words, variables)
    )
    return Result(
        name=figure.name,
        value=median(own / other for own, other in zip(ours, baselines, strict=True)),
        limit=figure.most,
        detail=f"{1000 * median(ours):.0f} ms of processor time against {1000 * median(baselines):.0f} ms for a"
        " Python that imports Typer",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
