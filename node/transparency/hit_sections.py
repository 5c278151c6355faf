"""The part of a transparency report's page that tells of hits, what became of them, and how often lists were right."""

from collections.abc import Sequence

from node.pages.charts import Bar, Series, bars, columns, share
from node.pages.tables import Column, table
from node.transparency.publication import Judged, Report
from node.transparency.suppression import Hidden, Number, Parts
from node.transparency.words import in_words, label, percent

_NUMBER = "number"
_TINTS = ("good", "waits", "bad", "rest")
_ANSWER_TINTS = ("bad", "good", "rest")


def hits(report: Report) -> str:
    """How many, by month and collection."""
    months = columns(
        "Hits reported each month",
        _said(report.hits_by_month),
        report.period.short_months[: len(report.hits_by_month)],
        [
            Series(
                name="reported; no column: none, or withheld",
                tint="one",
                values=list(map(_plain, report.hits_by_month.values())),
            )
        ],
    )
    kinds = bars(
        "Hits reported by collection", _said(report.hits_by_collection), _bars(report.hits_by_collection, ())
    )
    return (
        f"<h2>Hits that were reported: {in_words(report.hits)}</h2>"
        f'<div class="card beside"><div><h3>By month</h3>{months}</div><div><h3>By collection</h3>{kinds}</div></div>'
        f'<div class="card beside">{_parts("Hits by month", "month", report.hits_by_month)}'
        f"{_parts('Hits by collection', 'collection', report.hits_by_collection)}</div>"
        f"<p>Of them withdrawn, because no release lists the hash any more: {in_words(report.hits_withdrawn)}. Whoever "
        "reported one is told, signed, and what to undo.</p>"
    )


def outcomes(report: Report) -> str:
    """What became of the files."""
    told = (
        f"<p>Of the files that were removed, disabled or preserved, {percent(report.in_time)} were within 24 hours of"
        " the report.</p>"
        if report.in_time is not None
        else ""
    )
    return (
        "<h2>What became of them</h2><p class='soft'>By the word of whoever reported the hit.</p>"
        + told
        + f'<div class="card">{_shares("What became of reported files", report.hits_by_outcome, _TINTS)}'
        f"{_parts('What became of reported files', 'outcome', report.hits_by_outcome)}</div>"
    )


def disputes(report: Report) -> str:
    """What partners disputed."""
    return (
        f"<h2>Hits that were disputed: {in_words(report.disputes)}</h2><p class='soft'>A company can say that a hit is"
        " wrong, and must be answered with a signed statement. Upheld: the company was right.</p>"
        f'<div class="card">{_shares("Answers to disputes", report.disputes_by_answer, _ANSWER_TINTS)}'
        f"{_parts('Answers to disputes', 'answer', report.disputes_by_answer)}</div>"
    )


def precision(report: Report) -> str:
    """How often each list was right."""
    if not report.judged:
        return ""
    rows = table(
        "Precision by list and collection",
        [
            Column("list", "path"),
            Column("collection"),
            Column("hits judged", _NUMBER),
            Column("of which wrong", _NUMBER),
            Column("right", _NUMBER),
        ],
        [_judged(each) for each in report.judged],
    )
    return (
        "<h2>How often the lists were right</h2><p class='soft'>Of the hits that somebody looked at: how many were "
        "what the list said. A hit counts for every list that is behind it.</p>"
        f'<div class="card">{rows}</div>'
    )


def _judged(judged: Judged) -> tuple[str, ...]:
    right = judged.precision
    return (
        judged.origin,
        judged.collection,
        in_words(judged.hits),
        in_words(judged.wrong),
        "not told" if right is None else percent(right),
    )


def _parts(caption: str, head: str, parts: Parts) -> str:
    rows = [(label(name), in_words(number)) for name, number in parts.items()]
    return table(caption, [Column(head), Column("hits", _NUMBER)], rows)


def _bars(parts: Parts, tints: Sequence[str]) -> list[Bar]:
    return [
        Bar(
            label=label(name),
            value=_plain(number),
            shown=in_words(number),
            tint=tints[at] if tints else "one",
        )
        for at, (name, number) in enumerate(parts.items())
    ]


def _shares(title: str, parts: Parts, tints: Sequence[str]) -> str:
    """The divided bar, where every part is known: with one withheld it would show a sum that is none."""
    if any(isinstance(number, Hidden) for number in parts.values()) or not any(parts.values()):
        return ""
    return share(title, _said(parts), _bars(parts, tints))


def _said(parts: Parts) -> str:
    return "; ".join(f"{label(name)}: {in_words(number)}" for name, number in parts.items()) or "none"


def _plain(number: Number) -> int | None:
    return None if isinstance(number, Hidden) else number
