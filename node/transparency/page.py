"""A transparency report as a page: for journalists, parliaments and whoever else has no other way to look."""

from collections.abc import Callable, Iterator, Sequence

from node.clock import minute
from node.pages.charts import Series, columns, line
from node.pages.document import END, beginning
from node.pages.tables import Column, table
from node.pages.text import safe, with_commands
from node.transparency.hit_sections import disputes, hits, outcomes, precision
from node.transparency.publication import Report
from node.transparency.words import in_words, percent

_NUMBER = "number"


def page(report: Report) -> Iterator[str]:
    """The page in pieces."""
    sections: Sequence[Callable[[Report], str]] = (
        _head,
        _lists,
        _federation,
        _releases,
        hits,
        outcomes,
        disputes,
        precision,
        _reading,
    )
    yield beginning(f"Transparency report of {report.node}, {report.period.text}")
    yield from (section(report) for section in sections)
    yield END


def _head(report: Report) -> str:
    tint, words = (
        ("held", "the whole period")
        if report.complete
        else ("waiting", f"not over yet: up to {minute(report.made_ms)}")
    )
    force = report.months[-1].in_force if report.months else 0
    facts = (
        (f"{force:,}", "entries in force at the end"),
        (f"{sum(each.withdrawn for each in report.months):,}", "entries withdrawn"),
        (in_words(report.hits), "hits reported by partners"),
        (percent(report.in_time), "of what was acted on, within 24 hours"),
    )
    cells = "".join(f"<div><b>{safe(number)}</b><span>{safe(text)}</span></div>" for number, text in facts)
    return (
        f'<p class="verdict {tint}">{safe(report.period.text)}: {safe(words)}</p>'
        f"<h1>Transparency report of {safe(report.node)}</h1>"
        f'<p class="lead">{report.period.days}. Numbers of the lists of hashes of known child-abuse material that this '
        "agency keeps, of what was released to companies, of the hits that they reported, and of what became of them. "
        "No image, no hash and no company is named here.</p>"
        f'<div class="facts">{cells}</div>'
    )


def _lists(report: Report) -> str:
    places = report.period.short_months[: len(report.months)]
    changes = columns(
        "Entries added and withdrawn each month",
        "; ".join(f"{one.month}: {one.added:,} added, {one.withdrawn:,} withdrawn" for one in report.months),
        places,
        [
            Series(name="added", tint="one", values=[one.added for one in report.months]),
            Series(name="withdrawn", tint="two", values=[one.withdrawn for one in report.months]),
        ],
    )
    force = line(
        "Entries in force at the end of each month",
        "; ".join(f"{one.month}: {one.in_force:,}" for one in report.months),
        places,
        [one.in_force for one in report.months],
    )
    heads = ("added", "withdrawn", "in force at its end")
    months = table(
        "Entries by month",
        [Column("month"), *(Column(head, _NUMBER) for head in heads)],
        [(one.month, f"{one.added:,}", f"{one.withdrawn:,}", f"{one.in_force:,}") for one in report.months],
    )
    return (
        "<h2>What is listed</h2><p class='soft'>An entry is a statement of this agency about one hash. One that is "
        "withdrawn no longer counts from that moment; where it was wrong, the hash can be shredded: deleted "
        "everywhere, for good.</p>"
        f'<div class="card beside"><div><h3>Added and withdrawn</h3>{changes}</div><div><h3>In force</h3>{force}</div>'
        f'</div><div class="card">{months}</div><div class="card">{_by_list(report)}</div>'
        f"<p>Entries of other agencies that this one disputed: {report.objections:,}.</p>"
    )


def _by_list(report: Report) -> str:
    heads = ("added", "withdrawn", "of which shredded", "in force at the end")
    return table(
        "Entries by list and collection",
        [Column("list", "path"), Column("collection"), *(Column(head, _NUMBER) for head in heads)],
        [
            (
                each.origin,
                each.collection,
                *(f"{number:,}" for number in (each.added, each.withdrawn, each.shredded, each.in_force)),
            )
            for each in report.lists
        ],
    )


def _federation(report: Report) -> str:
    return (
        "<h2>Who decides with whom</h2><p>"
        f"A hash reaches companies when agencies of {report.k} different countries list it on their own knowledge"
        f"{', or an authority for its collection does' if report.k > 1 else ''}. The federation has {report.members:,} "
        f"member agencies now, of {len(report.countries):,} countries: {safe(', '.join(report.countries) or 'none')}."
        "</p>"
    )


def _releases(report: Report) -> str:
    heads = ("releases", "hashes added", "hashes removed", "hashes in the last")
    made = table(
        "Releases by subset",
        [Column("subset"), *(Column(head, _NUMBER) for head in heads)],
        [
            (
                each.subset,
                *(f"{number:,}" for number in (each.releases, each.added, each.removed, each.hashes)),
            )
            for each in report.releases
        ],
    )
    asked = table(
        "Partners",
        [Column("partners"), Column(_NUMBER, _NUMBER)],
        [
            ("companies and others that may ask, at the end", in_words(report.partners)),
            ("blinded values evaluated for them, padding included", in_words(report.evaluations)),
        ],
    )
    return (
        "<h2>What companies got</h2><p class='soft'>A release lets a company ask about files of its own without "
        "telling which; it cannot be read as a list. This agency learns of a hit only when the company reports it.</p>"
        f'<div class="card">{made}</div><div class="card">{asked}</div>'
    )


def _reading(report: Report) -> str:
    withheld = (
        f"Numbers about companies and hits from 1 to {report.threshold - 1} are withheld: they could mean a single "
        "case or company. So that they cannot be computed from sums, the next larger number beside them is withheld as "
        "well, or the sum itself. Percentages are computed from shown numbers, and left out where one is missing."
    )
    made = (
        f"Made {minute(report.made_ms)} by `sigfed report transparency --period {report.period.text}` from the node's "
        "own records. What partners say later changes the numbers of a later report."
    )
    lines = (
        withheld,
        "Numbers of entries and releases are told as they are: whoever follows the lists can count them.",
        "“Not recorded” means that this node has no such numbers for the period, not that they are zero.",
        "Collections that an agency keeps for itself are not counted.",
        made,
    )
    items = "".join(f"<li>{with_commands(each)}</li>" for each in lines)
    return f'<h2>How to read this</h2><ul class="card">{items}</ul>'
