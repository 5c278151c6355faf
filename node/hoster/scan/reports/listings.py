"""The lower part of a scan's page: the single files, for who has to see to them."""

from typing import Final

from node.hoster.scan.reports.front import unseen
from node.hoster.scan.reports.names import Names
from node.hoster.scan.reports.selection import MOST, Gathered
from node.hoster.scan.results import FileResult, HitFacts, ScanSummary, Status
from node.pages.charts import Bar, bars
from node.pages.tables import Column, table
from node.pages.text import counted, safe, size

_MOST_BARS: Final = 12
_HIT_COLUMNS: Final = (Column("file", "path"), Column("listed as"), Column("by hash"), Column("hit", "word"))


def hits(summary: ScanSummary, found: Gathered, names: Names) -> str:
    """Every hit, or as many as a page can bear."""
    if not summary.count(Status.HIT):
        return ""
    shown = found.shown.get(Status.HIT, [])
    rows = (_hit_row(result, hit, names) for result in shown for hit in result.hits if not hit.test_file)
    by = bars(
        "Files on the list by collection",
        "One file may be in several collections.",
        [
            Bar(label=name or "collection not told", value=count, shown=f"{count:,}", tint="bad")
            for name, count in found.collections.most_common(_MOST_BARS)
        ],
    )
    return (
        f'<h2>Files on the list</h2><div class="card">{by}{table("Files on the list", _HIT_COLUMNS, rows)}</div>'
        f"{_more(summary, Status.HIT)}"
    )


def _hit_row(result: FileResult, hit: HitFacts, names: Names) -> tuple[str, ...]:
    part = f", in it: {names.part(hit.part)}" if hit.part else ""
    listed = f"{hit.collection or 'not told'}{' by ' if hit.countries else ''}{' and '.join(hit.countries)}"
    return (
        names.path(result.path) + part,
        listed,
        " ".join(hit.algorithms) + (" (weak: a person must judge first)" if hit.weak else ""),
        hit.hit[:8],
    )


def others(summary: ScanSummary, found: Gathered, names: Names) -> str:
    """The test file, and what is to be confirmed."""
    return _listed(
        summary,
        found,
        names,
        Status.TEST_FILE,
        "The published test file",
        "Found and recognised; not material.",
    ) + _listed(
        summary,
        found,
        names,
        Status.UNCONFIRMED,
        "To be confirmed",
        "These passed the local screen, as some clean files do by chance. Only the node's answer tells.",
    )


def _listed(
    summary: ScanSummary, found: Gathered, names: Names, status: Status, title: str, about: str
) -> str:
    if not summary.count(status):
        return ""
    columns = [Column("file", "path"), Column("size", "number"), Column("reason")]
    rows = [
        (names.path(result.path), size(result.size), "; ".join(map(names.reason, result.reasons)))
        for result in found.shown.get(status, [])
    ]
    return (
        f'<h2>{safe(title)}</h2><p class="soft">{safe(about)}</p>'
        f'<div class="card">{table(title, columns, rows)}</div>{_more(summary, status)}'
    )


def missed(summary: ScanSummary, found: Gathered, names: Names) -> str:
    """What was not looked at, and why."""
    if not unseen(summary):
        return ""
    reasons = bars(
        "Reasons why files were not looked at, or in part",
        "A file may have several reasons.",
        [
            Bar(label=names.reason(words), value=count, shown=f"{count:,}", tint="rest")
            for words, count in found.reasons.most_common(_MOST_BARS)
        ],
    )
    kinds = len(found.reasons) - _MOST_BARS
    more = f'<p class="soft">and {counted(kinds, "more reason")}</p>' if kinds > 0 else ""
    return (
        '<h2>What was not looked at, and why</h2><p class="soft">Nothing is known of what could not be read.</p>'
        f'<div class="card">{reasons}{more}</div>'
        + _listed(summary, found, names, Status.UNREADABLE, "Could not be read", "Every file counts here.")
        + _listed(
            summary, found, names, Status.PARTLY, "Looked at in part", "The rest of each is not on the list."
        )
    )


def _more(summary: ScanSummary, status: Status) -> str:
    more = summary.count(status) - MOST[status]
    if more <= 0:
        return ""
    return (
        f'<p class="soft">and {more:,} more: this page lists the first {MOST[status]:,}. A report as .csv or .jsonl'
        " has all of them.</p>"
    )
