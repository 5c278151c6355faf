"""Rows of a CSV file that a spreadsheet opens as text, whatever is in them.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula, which can send what is in the sheet
elsewhere; an apostrophe before it keeps it a text (OWASP, "CSV Injection"). A number is written as it is.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from node.pages.text import visible

_FORMULA: Final = ("=", "+", "-", "@", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Also in full width, which some spreadsheets take for the same; and the apostrophe, which would be lost."""


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
    text = visible(value)
    # Some spreadsheets take spaces away before they look for a formula.
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
