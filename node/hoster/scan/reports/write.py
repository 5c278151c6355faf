"""Writing a report of a scan to a file whose suffix says what kind it is; in one go, in flat memory.

It appears whole or not at all, and only its owner may read it: it says where what lies.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from node.errors import UsageError
from node.files import replace_named, require_folder_of
from node.hoster.scan.reports.junit import junit
from node.hoster.scan.reports.lines import json_lines
from node.hoster.scan.reports.names import Names
from node.hoster.scan.reports.page import page
from node.hoster.scan.reports.spreadsheet import spreadsheet
from node.hoster.scan.results import FileResult, ScanSummary

Form = Callable[[ScanSummary, Iterable[FileResult], Names], Iterator[str]]
"""What makes the text of a report, in pieces."""

FORMS: Final[dict[str, Form]] = {".html": page, ".csv": spreadsheet, ".jsonl": json_lines, ".xml": junit}


def form_of(path: Path) -> Form:
    """The form that a file's suffix asks for; raises `UsageError` for any other."""
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            "{name}: a report ends in {names}",
            path.name,
            ", ".join(FORMS),
            hint="a page for people, a sheet, lines for programs, JUnit for build servers",
        )
    return form


def require_place(path: Path) -> None:
    """Refuse before the scan what would fail after it.

    Raises:
        UsageError: no such form or folder, or something else than a file is there.
    """
    form_of(path)
    require_folder_of(path)
    if path.exists() and not path.is_file():
        raise UsageError("{path} is no file", path)


def write_report(path: Path, summary: ScanSummary, results: Iterable[FileResult], names: Names) -> None:
    """Write the report in place of what was there; raises `OSError` when that fails, and nothing is left of it."""
    replace_named(path, map(str.encode, form_of(path)(summary, results, names)))
