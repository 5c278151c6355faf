"""A scan as JSON lines: one for each file, and one in the end that sums up; programs read these fields.

Fields are never taken away and never change their meaning while `v` is 1; more may come. A report without its last line
was not written to its end. Pure ASCII: what is not UTF-8 in a name stands as escaped lone surrogates, so that the
name's bytes can be had back.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from node.hoster.scan.reports.names import Names
from node.hoster.scan.results import FileResult, HitFacts, ScanSummary, Status

VERSION = 1


def json_lines(summary: ScanSummary, results: Iterable[FileResult], names: Names) -> Iterator[str]:
    """The lines, each with its end."""
    for result in results:
        yield _line(file_fields(result, names))
    yield _line(summary_fields(summary, names))


def file_fields(result: FileResult, names: Names) -> dict[str, Any]:
    """What is said of a file."""
    return {
        "v": VERSION,
        "type": "file",
        "source": names.source(result.source),
        "path": names.path(result.path),
        "size": result.size,
        "status": result.status.value,
        "reasons": [names.reason(reason) for reason in result.reasons],
        "hits": [_hit(hit, names) for hit in result.hits],
    }


def _hit(hit: HitFacts, names: Names) -> dict[str, Any]:
    return {
        "part": names.part(hit.part),
        "collection": hit.collection,
        "countries": list(hit.countries),
        "algorithms": list(hit.algorithms),
        "weak": hit.weak,
        "test_file": hit.test_file,
        "hit": hit.hit or None,
    }


def summary_fields(summary: ScanSummary, names: Names) -> dict[str, Any]:
    """What is said of the whole."""
    return {
        "v": VERSION,
        "type": "summary",
        "sources": [names.source(source) for source in summary.sources],
        "files": summary.files,
        "counts": {status.value: summary.count(status) for status in Status},
        "bytes": summary.bytes,
        "read": summary.read,
        "passed_over": summary.passed_over,
        "started_ms": summary.started_ms,
        "ended_ms": summary.ended_ms or None,
        "subset": summary.subset,
        "release": summary.release,
        "list_age_ms": summary.list_age_ms,
        "screen_only": summary.screen_only,
        "hits_to_undo": summary.to_undo,
        "redacted": names.redacted,
    }


def _line(fields: dict[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"
