"""The upper part of a scan's page, for who has ten seconds: the verdict, four numbers, what was compared with what."""

from node.clock import minute
from node.hoster.scan.reports.names import Names
from node.hoster.scan.results import ScanSummary, Status
from node.pages.text import counted, lasting, safe, size


def unseen(summary: ScanSummary) -> int:
    """Files that were not looked at, or in part."""
    return summary.count(Status.UNREADABLE) + summary.count(Status.PARTLY)


def head(summary: ScanSummary, names: Names) -> str:
    """Verdict, title, what was done, and the numbers."""
    tint, words = _verdict(summary)
    facts = (
        (summary.files, "ink", f"files looked through, {size(summary.bytes)}"),
        (summary.count(Status.HIT), "bad", "on the list"),
        (summary.count(Status.UNCONFIRMED), "waits", "to be confirmed"),
        (unseen(summary), "waits", "not looked at, or in part"),
    )
    cells = "".join(
        f'<div><b class="{look if number else "soft"}">{number:,}</b><span>{safe(text)}</span></div>'
        for number, look, text in facts
    )
    return (
        f'<p class="verdict {tint}">{safe(words)}</p><h1>{safe(_title(summary))}</h1>'
        f'<p class="lead">{safe(_lead(summary, names))}</p><div class="facts">{cells}</div>'
    )


def _verdict(summary: ScanSummary) -> tuple[str, str]:
    if hits := summary.count(Status.HIT):
        return "broken", f"{counted(hits, 'file')} on the list: act today"
    if not summary.ended_ms:
        return "waiting", "interrupted: not everything was looked at"
    if summary.count(Status.UNCONFIRMED):
        return "waiting", "nothing is certain yet: some files must be confirmed"
    if unseen(summary):
        return "waiting", "nothing found, but not everything could be looked at"
    return "held", "nothing found, everything was looked at"


def _title(summary: ScanSummary) -> str:
    if hits := summary.count(Status.HIT):
        return f"{hits:,} of {counted(summary.files, 'file')} {'is' if hits == 1 else 'are'} on the list"
    return f"Scan of {counted(summary.files, 'file')}"


def _lead(summary: ScanSummary, names: Names) -> str:
    where = " and ".join(names.source(source) for source in summary.sources[:3]) or "what was named"
    more = len(summary.sources) - 3
    end = (
        f"took {lasting((summary.ended_ms - summary.started_ms) / 1000)}"
        if summary.ended_ms
        else "was interrupted"
    )
    return (
        f"The scan of {where}{f' and {more} more places' if more > 0 else ''} began on {minute(summary.started_ms)}"
        f" and {end}. Files were compared with release {summary.release} of the list “{summary.subset}”, which the"
        f" agency had confirmed {lasting(summary.list_age_ms / 1000)} before."
    )
