"""A scan as JUnit XML, which build servers show: a file on the list is a failure, an unknown one an error.

Files that are not on the list are one test case together: a million of them would say no more and no server reads
them. A file that only the screen let through counts as an error: it must not look like a clean one.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from node.hoster.scan.reports.names import Names
from node.hoster.scan.results import FileResult, HitFacts, ScanSummary, Status
from node.pages.text import counted, safe

_FAILURES: Final = (Status.HIT, Status.TEST_FILE)
_ERRORS: Final = (Status.UNCONFIRMED, Status.UNREADABLE, Status.PARTLY)
_SUITE: Final = "sigfed scan"


def junit(summary: ScanSummary, results: Iterable[FileResult], names: Names) -> Iterator[str]:
    """The document in pieces."""
    failures = sum(map(summary.count, _FAILURES))
    errors = sum(map(summary.count, _ERRORS))
    sums = f'tests="{failures + errors + 1}" failures="{failures}" errors="{errors}" skipped="0"'
    sums += f' time="{_seconds(summary)}"'
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {sums}>\n<testsuite name="{_SUITE}" {sums}>\n'
    clean = counted(summary.count(Status.CLEAN), "file")
    yield f'<testcase classname="{_SUITE}" name="{clean} not on the list"/>\n'
    for result in results:
        if result.status is not Status.CLEAN:
            yield _case(result, names)
    yield "</testsuite>\n</testsuites>\n"


def _case(result: FileResult, names: Names) -> str:
    element = "failure" if result.status in _FAILURES else "error"
    words = [_words(hit, names) for hit in result.hits] + [names.reason(reason) for reason in result.reasons]
    message = safe("; ".join(words) or result.status.value)
    name, source = safe(names.path(result.path)), safe(names.source(result.source))
    return (
        f'<testcase classname="{source}" name="{name}">'
        f'<{element} type="{result.status.value}" message="{message}"/></testcase>\n'
    )


def _words(hit: HitFacts, names: Names) -> str:
    part = f"{names.part(hit.part)}: " if hit.part else ""
    if hit.test_file:
        return f"{part}the published test file, not material"
    who = " and ".join(hit.countries) or "the federation"
    listed = f"on the list ({hit.collection or 'collection not told'}), by {who}"
    return f"{part}{listed}{', weak: a person must look first' if hit.weak else ''}; hit {hit.hit}"


def _seconds(summary: ScanSummary) -> int:
    return max(0, (summary.ended_ms or summary.started_ms) - summary.started_ms) // 1000
