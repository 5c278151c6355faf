"""`sigfed scan`: everything in folders and lists of files, looked up."""

import shlex
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.exit_codes import ExitCode, exit_code
from node.cli.hoster.each_subset import each_subset
from node.cli.hoster.scan_progress import Meter, Shown
from node.cli.hoster.scan_results import tell
from node.cli.session import Session, session, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from node.hoster.scan.results import ScanSummary
    from node.hoster.scan.run import Ended
    from node.hoster.scan.scan import Scan, Wanted


@each_subset
def scan(
    context: typer.Context,
    paths: Annotated[list[str] | None, typer.Argument(help="Folders, files and s3://BUCKET/PREFIX.")] = None,
    files_from: Annotated[
        str, typer.Option(help="List of paths, one per line, or - for standard input.")
    ] = "",
    null: Annotated[
        bool,
        typer.Option(
            "--null", help="The list has a NUL character after each path, as find -print0 writes it."
        ),
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(help="Where the scan is remembered; default: in the partner's folder."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Scan again what this state was last used for.")
    ] = False,
    report: Annotated[
        list[Path] | None,
        typer.Option(help="Write a report; its name ends in .html, .csv, .jsonl or .xml. Repeatable."),
    ] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Reports hold tokens in place of names of files.")
    ] = False,
    jsonl: Annotated[Path | None, typer.Option(help="The same as --report FILE.jsonl.")] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one per processor.")] = 0,
    max_age: Annotated[
        int | None,
        typer.Option(min=0, help="Do nothing if the list has not been confirmed for this many days."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only screen; a later scan confirms what survives.")
    ] = False,
    progress: Annotated[
        Shown, typer.Option(help="Progress on standard error; auto: only on a terminal.")
    ] = Shown.AUTO,
) -> int:
    """Look up all files in folders, lists and buckets, resumably; exit code 1 when one is on the list."""
    from node.hoster.scan.scan import Wanted

    here = session(context)
    reports = _Reports([*(report or []), *([jsonl] if jsonl else [])], redacted=redact)
    reports.require_places()
    _require_sources(paths or (), files_from, null=null, resume=resume)
    with _listed(files_from) as listed:
        wanted = Wanted(
            paths=tuple(paths or ()),
            listed=listed,
            separator=b"\0" if null else b"\n",
            jobs=jobs,
            max_age_days=max_age,
            offline=offline,
            resume=resume,
        )
        return _run(here, wanted, state, progress, reports)


def _run(here: Session, wanted: "Wanted", state: Path | None, progress: Shown, reports: "_Reports") -> int:
    from node.hoster.scan.scan import open_scan

    with open_scan(here.home, wanted, state) as opened, Meter(here.output, progress) as meter:
        ended = wait_for(opened.scan(meter.draw if meter.draws else None, on_status=meter.status))
        meter.close()
        if not ended.interrupted:
            tell(here.output, opened.summary, opened.results(), ended, evaluated=opened.evaluated)
        reports.write(here, opened)
        return _interrupted(here, wanted, state) if ended.interrupted else _code(opened.summary, ended)


@dataclass(frozen=True, slots=True)
class _Reports:
    """The reports that are asked for."""

    places: "Sequence[Path]"
    redacted: bool
    """Tokens stand in place of names of files."""

    def require_places(self) -> None:
        """Refuse before the scan what could not be written after it."""
        from node.hoster.scan.reports.write import require_place

        for path in self.places:
            require_place(path)

    def write(self, here: Session, scan: "Scan") -> None:
        """Of an interrupted scan too: they say so themselves, and the next one takes their place."""
        from node.hoster.scan.reports.names import TrueNames, tokens_of
        from node.hoster.scan.reports.write import write_report

        names = tokens_of(here.home.partner) if self.redacted else TrueNames()
        for path in self.places:
            write_report(path, scan.summary, scan.results(), names)
            here.output.talk(f"report: {path}")


def _require_sources(paths: "Sequence[str]", files_from: str, *, null: bool, resume: bool) -> None:
    from node.errors import UsageError

    if resume and (paths or files_from):
        raise UsageError(
            "--resume scans what was scanned last", hint="leave out --resume to scan other paths"
        )
    if not (resume or paths or files_from):
        raise UsageError("name folders or files, or --files-from", hint="sigfed scan PATH…")
    if null and not files_from:
        raise UsageError("--null says how the list of --files-from is separated", hint="leave it out")


@contextmanager
def _listed(name: str) -> "Iterator[tuple[str, BinaryIO] | None]":
    """The list of paths of this name, open; None for no name."""
    if not name:
        yield None
        return
    with _list(name) as file:
        yield name, file


def _list(name: str) -> "AbstractContextManager[BinaryIO]":
    from node.files import open_input

    return nullcontext(sys.stdin.buffer) if name == "-" else open_input(Path(name))


def _interrupted(here: Session, wanted: "Wanted", state: Path | None) -> int:
    """What was found is kept; say how to go on."""
    named = f" --state {shlex.quote(str(state))}" if state else ""
    here.output.talk("what was read and found is kept")
    if wanted.listed:
        here.output.following("the same command again, with the same list: it goes on where it was")
    else:
        here.output.following(f"sigfed scan --resume{named}")
    return ExitCode.INTERRUPTED


def _code(summary: "ScanSummary", ended: "Ended") -> int:
    """Hits before a node that did not answer, that before files without a verdict."""
    from node.hoster.scan.results import Status

    if summary.count(Status.HIT) or summary.count(Status.TEST_FILE):
        return ExitCode.HITS
    if ended.stopped is not None and summary.count(Status.UNCONFIRMED):
        return exit_code(ended.stopped)
    doubtful = (Status.UNCONFIRMED, Status.UNREADABLE, Status.PARTLY)
    return ExitCode.PARTIAL if any(map(summary.count, doubtful)) else ExitCode.OK
