"""What the command line prints, and where: results on standard output, talk on standard error.

With `--json` a result is one JSON line of documented, stable fields, and nothing else reaches standard output.
Progress is drawn on terminals only. No digest, key or token is ever printed unless the user asked for exactly it.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from node.clock import minute
from node.fields import Fact
from node.pages.text import visible
from protocol.slices import slices


@dataclass(slots=True)
class Output:
    """Where this run's results and talk go."""

    as_json: bool = False
    quiet: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    results: int = 0
    """How many results there were."""
    last: Mapping[str, Fact] = field(default_factory=dict)
    """The fields of the last one."""
    subset: str = ""
    """Of which results are told now; empty, where there is one."""
    steps: list[str] = field(default_factory=list)
    """What may come next, told at the end."""
    drawn: "Progress | None" = None
    """What counts now, and makes room for a result."""

    def result(self, fields: Mapping[str, Fact], *lines: str) -> None:
        """One result: `fields` with `--json`, else `lines` for people."""
        self._tell(fields, lines)

    def _tell(self, fields: Mapping[str, Fact], lines: Iterable[str]) -> None:
        fields = {"subset": self.subset, **fields} if self.subset else fields
        self.results, self.last = self.results + 1, fields
        if self.drawn:
            self.drawn.close()
        if self.as_json:
            self.out.write(_json(fields) + "\n")
            return
        for line in lines:
            self.out.write(visible(line) + "\n")

    def each(self, results: Iterable[Mapping[str, Fact]], lines: Iterable[str]) -> None:
        """Several results: with `--json` the fields of each, else `lines` about all; what is not told is not made."""
        if not self.as_json:
            self._tell({}, lines)
            return
        for fields in results:
            self.result(fields)

    def failure(self, fields: Mapping[str, Fact], *lines: str) -> None:
        """One result that says why not all was done; its lines are talk, which nobody throws away with results."""
        self.result(fields)
        self.talk(*lines)

    def talk(self, *lines: str) -> None:
        """Something for the person who watches."""
        if not self.quiet:
            self.out.flush()  # results before what is said about them, also when both go into one file
            self.err.write("".join(visible(line) + "\n" for line in lines))

    def following(self, *steps: str) -> None:
        """What to do next; told when the command has ended, since one that fails has no next step."""
        self.steps.extend(steps)

    def end(self, *, failed: bool) -> None:
        """Tell the steps: as what comes next, or after a failure as what mends it."""
        if failed or not self.as_json:
            self.talk(*(f"  {step}" if failed else f"next: {step}" for step in self.steps))
        self.steps.clear()

    @contextmanager
    def progress(self, what: str) -> Iterator["Progress"]:
        """A counter that is redrawn in place on a terminal and silent elsewhere."""
        self.drawn = progress = Progress(what, self.err, enabled=self.err.isatty() and not self.quiet)
        try:
            yield progress
        finally:
            progress.close()
            self.drawn = None


class Progress:
    """One line on a terminal that counts."""

    def __init__(self, what: str, err: TextIO, *, enabled: bool) -> None:
        self._what = what
        self._err = err
        self._enabled = enabled
        self._drawn = 0

    def at(self, done: int, total: int | None = None) -> None:
        """Redraw when at least one percent, or a thousand items, has been done since the last time."""
        step = max(1, total // 100) if total else 1000
        if not self._enabled or done - self._drawn < step:
            return
        self._drawn = done
        shown = f"{done:,}" if total is None else f"{done:,} of {total:,}"
        self._err.write(f"\r{self._what}: {shown}\x1b[K")
        self._err.flush()

    def close(self) -> None:
        """Remove the line."""
        if self._enabled and self._drawn:
            self._err.write("\r\x1b[K")
            self._drawn = 0


def _json(fields: Mapping[str, Fact]) -> str:
    """One line; what a terminal obeys, ends a line elsewhere, or is no UTF-8 is written as JSON escapes it."""
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def moment(time_ms: int) -> str:
    """A time for people, in UTC; `never` for 0."""
    return minute(time_ms) if time_ms else "never"


def spelled(digits: str) -> str:
    """An id of hexadecimal digits for people: in groups of eight."""
    return "-".join(slices(digits, 8))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows under a header, in aligned columns."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def listing(header: Sequence[str], rows: Iterable[Sequence[str]], *, none: str) -> Iterator[str]:
    """Rows under a header, made when the lines are asked for; `none` says in words that there are no rows."""
    found = list(rows)
    yield from table(header, found) if found else [none]
