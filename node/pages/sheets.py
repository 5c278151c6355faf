"""Rows of a CSV file that a spreadsheet opens as text, whatever is in them.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula, which can send what is in the sheet
elsewhere; an apostrophe before it keeps it a text (OWASP, "CSV Injection"). A number is written as it is. Where the
comma is in numbers, as in most of Europe, a cell begins behind each semicolon as well.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from node.pages.text import visible

_FORMULA: Final = re.compile(r"""(^|;)(?=[\s"]*[-=+@'\uff1d\uff0b\uff0d\uff20])""")
"""Where one would begin: also in full width, which some spreadsheets take for the same, and after spaces and quotes,
which they take away before they look; and where an apostrophe would be lost."""


def sheet(rows: Iterable[Sequence[str | int | None]]) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180), one row each; None is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _cell(value: str | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    return _FORMULA.sub(r"\1'", visible(value))
