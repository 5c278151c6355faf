"""A scan as a page: what was looked at, what was found, what was not looked at and why, what happens next.

The upper part is for who has ten seconds; the lower part has every hit, and of everything else as much as a page can
bear. It holds names of files, no hash and no picture.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from node.clock import minute
from node.hoster.scan.reports.advice import next_steps
from node.hoster.scan.reports.front import head
from node.hoster.scan.reports.listings import hits, missed, others
from node.hoster.scan.reports.names import Names
from node.hoster.scan.reports.selection import Gathered, gather
from node.hoster.scan.results import FileResult, ScanSummary, Status
from node.pages.charts import Bar, share
from node.pages.document import END, beginning
from node.pages.tables import Column, table
from node.pages.text import counted, lasting, with_commands

_KINDS: Final = (
    (Status.HIT, "On the list", "bad"),
    (Status.TEST_FILE, "The published test file", "two"),
    (Status.UNCONFIRMED, "To be confirmed", "waits"),
    (Status.UNREADABLE, "Could not be read", "rest"),
    (Status.PARTLY, "Looked at in part", "one"),
    (Status.CLEAN, "Not on the list", "good"),
)
_MEANS: Final = {
    Status.HIT: "A hash of the file, or of a part of it, is on the list.",
    Status.TEST_FILE: "Shows that recognising works; it is not material.",
    Status.UNCONFIRMED: "It passed the local screen, as some clean files do; the node was not asked yet.",
    Status.UNREADABLE: "Nothing is known of it.",
    Status.PARTLY: "Parts could not be looked at; the rest is not on the list.",
    Status.CLEAN: "No hash of it is on the list. That does not say that it is lawful.",
}
_SENT: Final = (
    "Sent to the agency's node, as far as it answered: blinded values, which it cannot read. How many depends on how "
    "many files were read, not on what they are. It sees the address of this machine, not which files, and not what "
    "the answers are."
)
_NEVER: Final = (
    "Never sent by a scan: files, names of files, hashes. A hit is told to the agency by `sigfed hit report` alone: "
    "then its hash leaves, with the name of your company and the time. `sigfed hit resolve` tells what you did with "
    "the file and when; `sigfed hit report --to` tells whom you configured."
)


def page(summary: ScanSummary, results: Iterable[FileResult], names: Names) -> Iterator[str]:
    """The page in pieces; looks through the results once."""
    found = gather(results)
    yield beginning(f"sigfed: scan of {counted(summary.files, 'file')}")
    yield head(summary, names)
    yield _steps(summary, found)
    yield _looked_at(summary, names)
    yield hits(summary, found, names)
    yield others(summary, found, names)
    yield missed(summary, found, names)
    yield _left(summary, names)
    yield END


def _steps(summary: ScanSummary, found: Gathered) -> str:
    items = "".join(f"<li>{with_commands(step)}</li>" for step in next_steps(summary, found))
    return f'<h2>What happens next</h2><ol class="card steps">{items}</ol>'


def _looked_at(summary: ScanSummary, names: Names) -> str:
    picture = share(
        "Files by what is known of them",
        "; ".join(f"{label}: {summary.count(status):,}" for status, label, _ in _KINDS),
        [
            Bar(label=label, value=summary.count(status), shown=f"{summary.count(status):,}", tint=tint)
            for status, label, tint in _KINDS
            if summary.count(status)
        ],
    )
    kinds = table(
        "Files by what is known of them",
        [Column("what is known"), Column("files", "number"), Column("what that means", "plain")],
        [(label, f"{summary.count(status):,}", _MEANS[status]) for status, label, _ in _KINDS],
    )
    facts = table(
        "How it was done", [Column("about the scan"), Column("fact", "path plain")], _facts(summary, names)
    )
    return (
        f'<h2>What was looked at</h2><div class="card">{picture}{kinds}</div><div class="card">{facts}</div>'
    )


def _facts(summary: ScanSummary, names: Names) -> Iterator[tuple[str, str]]:
    yield "places", " · ".join(map(names.source, summary.sources))
    yield "began", minute(summary.started_ms)
    yield "ended", minute(summary.ended_ms) if summary.ended_ms else "interrupted"
    yield "list", f"release {summary.release} of {summary.subset}"
    yield "list confirmed", f"{lasting(summary.list_age_ms / 1000)} before the scan began"
    unchanged = summary.files - summary.read
    yield (
        "files read",
        f"{summary.read:,}; {unchanged:,} had not changed since an earlier scan and were not read again",
    )
    yield (
        "passed over",
        f"{summary.passed_over:,} symbolic links, pipes, sockets and devices, which are never opened",
    )
    yield "how", _how(summary)


def _how(summary: ScanSummary) -> str:
    if summary.screen_only:
        return "on this machine alone: what passed the local screen is to be confirmed"
    return "on this machine; the agency's node was asked, blindly, about what passed the local screen"


def _left(summary: ScanSummary, names: Names) -> str:
    sent = (
        "Nothing was sent during this scan: the agency's node was not asked."
        if summary.screen_only
        else _SENT
    )
    named = (
        "This report has tokens in place of the names of files, parts and places; the key that makes them stays in the "
        "partner's folder."
        if names.redacted
        else "This report names files. Think of whose names they are before you pass it on; `--redact` writes tokens "
        "in their place."
    )
    lines = (
        sent,
        _NEVER,
        "Nothing was moved, hidden or deleted. If nobody acts, the files stay where they are.",
        named,
    )
    items = "".join(f"<li>{with_commands(each)}</li>" for each in lines)
    return f'<h2>What left this machine</h2><ul class="card">{items}</ul>'
