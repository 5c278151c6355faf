"""What a benchmark finds, in one form: a ratio to a baseline of the same run, and the limit it has to keep.

Each benchmark is a function `measure(divisor=…)` that gives results; a divisor makes everything smaller, for a quick
look or to prove that it runs. Times mean something only against the baseline beside them; runs take turns, so that
whatever else the machine does falls on both, and of the ratios of neighbours the median counts.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

QUICK: Final = 20
"""Divisor of `--quick`."""


class Better(Enum):
    """Which side of its limit a value has to be on."""

    LOWER = "at most"
    HIGHER = "at least"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure."""

    name: str
    value: float
    limit: float
    better: Better = Better.LOWER
    unit: str = "times"
    """What `value` and `limit` count; `%` shows a share."""
    detail: str
    """What was compared, with times or sizes."""

    @property
    def holds(self) -> bool:
        """Whether the value is within its limit."""
        return self.value <= self.limit if self.better is Better.LOWER else self.value >= self.limit

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, value, limit, verdict and detail, as text."""
        verdict = "ok" if self.holds else "BEYOND"
        return (
            self.name,
            self._shown(self.value),
            f"{self.better.value} {self._shown(self.limit)}",
            verdict,
            self.detail,
        )

    def _shown(self, value: float) -> str:
        if self.unit == "%":
            return f"{value:.1%}"
        return f"{value:.0f} {self.unit}" if self.unit != "times" else f"{value:.4g}"


class Measure(Protocol):
    """A benchmark."""

    def __call__(self, *, divisor: int = 1) -> Iterable[Result]:
        """Its results, one after the other."""
        ...


HEADINGS: Final = ("figure", "measured", "limit", "", "compared")


def table(results: Sequence[Result]) -> str:
    """The results as a table in Markdown."""
    rows = [HEADINGS, *(result.cells for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def in_turns(runs: int, *sides: Callable[[], float]) -> list[list[float]]:
    """Run every side once, then all again, `runs` times; the values of each side."""
    rounds = [[side() for side in sides] for _ in range(runs)]
    return [list(column) for column in zip(*rounds, strict=True)]


def turns_of(wanted: int, divisor: int) -> int:
    """How often sides take turns: once is enough to prove that a benchmark runs."""
    return wanted if divisor <= QUICK else 1


def report(measures: Sequence[Measure], arguments: Sequence[str]) -> int:
    """Run benchmarks and print their table; 0 when every limit was kept."""
    parser = argparse.ArgumentParser(
        description="Print a table of figures with limits; exit 1 when one is beyond."
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: a look, not a verdict")
    divisor = QUICK if parser.parse_args(arguments).quick else 1
    results = list(_running(measures, divisor))
    sys.stdout.write(table(results))
    return 0 if all(result.holds for result in results) else 1


def _running(measures: Sequence[Measure], divisor: int) -> Iterator[Result]:
    for measure in measures:
        for result in measure(divisor=divisor):
            sys.stderr.write(f"{result.name}: {result.cells[1]} ({result.cells[2]})\n")
            yield result
