"""A delimited table: its header, its delimiter, and its data lines cut into cells.

One record is one line. A quoted cell may hold the delimiter and doubled quotes, but no line end: with
multi-line cells a single stray quote would swallow the rest of the file, silently. The delimiter is declared
or read from the header line, never guessed from data. What the cells mean is for `icse` and `columns`.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from keys.message import Message
from node.errors import InputRefusedError, UsageError
from node.formats.lines import LineFault, Lines
from node.formats.rows import ImportRow, RefusedRow, RowRefusedError, RowResult

DELIMITERS = {";": "semicolon", ",": "comma", "\t": "tab"}
"""The delimiters that are understood, with their names for messages."""

Convert = Callable[[int, list[str]], ImportRow]
"""Makes a row of (line number, as many cells as the header has), or raises RowRefusedError."""


class Table:
    """A stream whose header line was read; `names` are its column names, stripped.

    `delimiters` are those to try, in order of preference, and `score` says how many of the wanted columns a
    header has. Raises InputRefusedError for an empty file or an unreadable header line.
    """

    def __init__(
        self, stream: BinaryIO, *, delimiters: Iterable[str], score: Callable[[Sequence[str]], int]
    ) -> None:
        self._lines = Lines(stream)
        self._iterator = iter(self._lines)
        header = self._header_line()
        candidates = [(delimiter, _header_cells(header, delimiter)) for delimiter in delimiters]
        self.delimiter, self.names = max(candidates, key=lambda candidate: score(candidate[1]))

    def _header_line(self) -> str:
        for _, line in self._iterator:
            if isinstance(line, LineFault):
                raise InputRefusedError(
                    "the header cannot be read: {reason}", line.reason, hint="save it as CSV in UTF-8"
                )
            if line.strip():
                return line
        raise InputRefusedError("the file is empty", hint="export it again, with its header line")

    def rows(self, convert: Convert) -> Iterator[RowResult]:
        """Every data line through `convert`, in order; blank lines are passed over."""
        width = len(self.names)
        delimiter = self.delimiter
        for number, line in self._iterator:
            try:
                if isinstance(line, LineFault):
                    raise RowRefusedError(line.reason)  # noqa: TRY301 - one way out for every refusal
                cells = line.split(delimiter) if '"' not in line else _unquote(line, delimiter)
                if len(cells) != width:
                    if not line.strip():
                        continue
                    self._refuse_width(number, len(cells))
                yield convert(number, cells)
            except RowRefusedError as refusal:
                yield RefusedRow(number, str(refusal))

    def _refuse_width(self, number: int, found: int) -> None:
        if number == self._lines.unterminated and found < len(self.names):
            raise RowRefusedError(
                f"the file ends inside this line: {found} of {len(self.names)} columns, no line end"
            )
        raise RowRefusedError(f"{found} columns where the header names {len(self.names)}")


def index_of(names: Sequence[str]) -> Mapping[str, int]:
    """Column positions by name; raises InputRefusedError when a name occurs twice."""
    positions = {name: position for position, name in enumerate(names)}
    if len(positions) != len(names):
        raise InputRefusedError(
            "two columns of the header have the same name", hint="rename or remove one of them"
        )
    return positions


def delimiters_from(first: str) -> list[str]:
    """All delimiters, `first` first; raises UsageError when it is none of them."""
    if first not in DELIMITERS:
        raise UsageError(
            "no such delimiter", hint=Message("delimiters are {name}", ", ".join(DELIMITERS.values()))
        )
    return sorted(DELIMITERS, key=lambda delimiter: delimiter != first)


def wrong_delimiter(expected: str, found: str) -> str:
    """The message for a header that makes sense with another delimiter."""
    return f"expected columns separated by {_called(expected)}, found them separated by {_called(found)}"


def _called(delimiter: str) -> str:
    return f"{DELIMITERS[delimiter]} ({delimiter!r})"


def _header_cells(line: str, delimiter: str) -> list[str]:
    try:
        cells = _unquote(line, delimiter)
    except RowRefusedError:
        return []
    return [cell.strip() for cell in cells]


def _unquote(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        raise RowRefusedError("a quoted cell does not end on its line, or text follows it") from None
