"""What a scan says at its end: what is not clean in lines or JSON, a summary."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from node.cli.hoster.scan_progress import size
from node.cli.output import Output
from node.hoster.hits.instructions import FOUND, UNDO
from node.pages.text import counted

if TYPE_CHECKING:
    from node.hoster.scan.results import FileResult, HitFacts, ScanSummary
    from node.hoster.scan.run import Ended

_LISTED_BY: Final = "the federation"


def tell(
    output: Output, summary: "ScanSummary", results: "Iterable[FileResult]", ended: "Ended", *, evaluated: int
) -> None:
    """Everything that is not clean, and the scan in sum."""
    from node.hoster.scan.reports.lines import file_fields, summary_fields
    from node.hoster.scan.reports.names import TrueNames
    from node.hoster.scan.results import Status

    names = TrueNames()
    for result in results:
        if result.status is not Status.CLEAN:
            output.result(file_fields(result, names), *_lines(result))
    output.result(
        {**summary_fields(summary, names), "evaluated": evaluated}, *_summary_lines(summary, evaluated)
    )
    if ended.rejudged:
        output.talk(f"{counted(ended.rejudged, 'file')} from before judged anew, without reading")
    if ended.at_once:
        output.talk(
            f"{counted(ended.at_once, 'file')} asked about at once, which the node sees: more survived the screen than"
            " the batches of such a scan hold"
        )
    if ended.stopped is not None:
        output.talk(f"{counted(summary.count(Status.UNCONFIRMED), 'file')} not confirmed: {ended.stopped}")
    elif summary.screen_only:
        output.talk("the node was not asked: what survives the screen may or may not be on the list")
    if ended.unscrubbed is not None:
        output.talk(str(ended.unscrubbed), *([f"  {ended.unscrubbed.hint}"] if ended.unscrubbed.hint else []))
    output.following(*_steps(summary))


def _steps(summary: "ScanSummary") -> list[str]:
    from node.hoster.scan.results import Status

    steps = [f"sigfed hit ls --open, for what was withdrawn. {UNDO}"] if summary.to_undo else []
    if summary.count(Status.UNCONFIRMED):
        steps.append("the same command again, later, to confirm them; nothing is read again")
    if summary.count(Status.HIT):
        steps += [FOUND, "sigfed hit report --all"]
    return steps or [
        "the same command again after each sigfed update; what has not changed is not read again"
    ]


def _lines(result: "FileResult") -> Iterator[str]:
    from node.hoster.scan.results import Status

    for hit in result.hits:
        yield f"{result.path}{f' ({hit.part})' if hit.part else ''}: {_hit_words(hit)}"
    if result.status is Status.UNCONFIRMED:
        yield f"{result.path}: UNCONFIRMED {'; '.join(result.reasons)}"
    elif result.reasons:
        word = "UNREADABLE" if result.status is Status.UNREADABLE else "PARTLY LOOKED AT"
        yield f"{result.path}: {word} {'; '.join(result.reasons)}"


def _hit_words(hit: "HitFacts") -> str:
    if hit.test_file:
        return "the published test file (not material)"
    weak = " (weak: one old hash only; a person must look)" if hit.weak else ""
    return f"{f'HIT {hit.collection}'.rstrip()}, listed by {' and '.join(hit.countries) or _LISTED_BY}{weak}"


def _summary_lines(summary: "ScanSummary", evaluated: int) -> Iterator[str]:
    from node.hoster.scan.results import Status

    asked = (
        f"{evaluated:,} blinded values were sent, the node learned nothing else"
        if evaluated
        else "the node was not asked"
    )
    links = f", {summary.passed_over:,} links and special files passed over" if summary.passed_over else ""
    yield (
        f"{counted(summary.files, 'file')}, {size(summary.bytes)}; {summary.read:,} read,"
        f" {summary.unchanged:,} unchanged since an earlier scan{links}"
    )
    counts = {
        Status.HIT: f"{summary.count(Status.HIT):,} on the list",
        Status.TEST_FILE: counted(summary.count(Status.TEST_FILE), "test file"),
        Status.UNCONFIRMED: f"{summary.count(Status.UNCONFIRMED):,} unconfirmed",
        Status.UNREADABLE: f"{summary.count(Status.UNREADABLE):,} unreadable",
        Status.PARTLY: f"{summary.count(Status.PARTLY):,} partly looked at",
        Status.CLEAN: f"{summary.count(Status.CLEAN):,} not on the list",
    }
    always = {Status.HIT, Status.CLEAN}
    shown = [words for status, words in counts.items() if status in always or summary.count(status)]
    yield f"{', '.join(shown)} ({summary.subset} {summary.release}); {asked}"
