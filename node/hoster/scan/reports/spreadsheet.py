"""A scan as a sheet: a row for each file; for each listed part of one, if it has several.

A name that would be a formula, or that does not print, is written so that neither happens; the exact names are in the
JSON lines.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from node.hoster.scan.reports.names import Names
from node.hoster.scan.results import FileResult, HitFacts, ScanSummary
from node.pages.sheets import sheet

COLUMNS: Final = (
    "status",
    "path",
    "size",
    "part",
    "collection",
    "countries",
    "hashes",
    "weak",
    "hit",
    "reasons",
    "source",
)

_Row = tuple[str | int | None, ...]


def spreadsheet(_: ScanSummary, results: Iterable[FileResult], names: Names) -> Iterator[str]:
    """The lines, heads first."""
    return sheet(_rows(results, names))


def _rows(results: Iterable[FileResult], names: Names) -> Iterator[_Row]:
    yield COLUMNS
    for result in results:
        for hit in result.hits or (None,):
            yield _row(result, hit, names)


def _row(result: FileResult, hit: HitFacts | None, names: Names) -> _Row:
    return (
        result.status.value,
        names.path(result.path),
        result.size,
        *(("",) * 6 if hit is None else _facts(hit, names)),
        "; ".join(map(names.reason, result.reasons)),
        names.source(result.source),
    )


def _facts(hit: HitFacts, names: Names) -> _Row:
    return (
        names.part(hit.part),
        hit.collection,
        " ".join(hit.countries),
        " ".join(hit.algorithms),
        "weak" if hit.weak else "",
        hit.hit,
    )
