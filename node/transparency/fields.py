"""A transparency report for programs: documented, stable fields, and the same as a sheet of one number a row.

A number that is not told is the word `withheld` or `not recorded` in its place.
"""

from collections.abc import Iterator, Mapping, Sequence

from node.clock import moment_of
from node.fields import Fact
from node.pages.sheets import sheet
from node.transparency.publication import Judged, Report
from node.transparency.suppression import Hidden, Number, Parts

VERSION = 1


def as_fields(report: Report) -> Mapping[str, Fact]:
    """The report as JSON has it."""
    period = report.period
    return {
        "v": VERSION,
        "node": report.node,
        "period": period.text,
        "first_ms": period.first_ms,
        "end_ms": period.end_ms,
        "made_ms": report.made_ms,
        "complete": report.complete,
        "threshold": report.threshold,
        "federation": {"members": report.members, "countries": list(report.countries), "quorum": report.k},
        "lists": [
            {
                "list": each.origin,
                "collection": each.collection,
                "added": each.added,
                "withdrawn": each.withdrawn,
                "shredded": each.shredded,
                "in_force": each.in_force,
            }
            for each in report.lists
        ],
        "months": [
            {"month": each.month, "added": each.added, "withdrawn": each.withdrawn, "in_force": each.in_force}
            for each in report.months
        ],
        "disputes_of_others_entries": report.objections,
        "releases": [
            {
                "subset": each.subset,
                "releases": each.releases,
                "added": each.added,
                "removed": each.removed,
                "hashes": each.hashes,
            }
            for each in report.releases
        ],
        "partners": _fact(report.partners),
        "evaluations": _fact(report.evaluations),
        "hits": {
            "reported": _fact(report.hits),
            "by_collection": _facts(report.hits_by_collection),
            "by_month": _facts(report.hits_by_month),
            "by_outcome": _facts(report.hits_by_outcome),
            "withdrawn": _fact(report.hits_withdrawn),
            "share_in_time": _share(report.in_time),
        },
        "disputes": {"opened": _fact(report.disputes), "by_answer": _facts(report.disputes_by_answer)},
        "precision": [_judged(each) for each in report.judged],
    }


def as_sheet(report: Report) -> Iterator[str]:
    """The lines of a CSV file: where a number stands in the fields, and the number."""
    return sheet(_rows(report))


def _rows(report: Report) -> Iterator[tuple[str, str | int | None]]:
    yield "what", "number"
    made = moment_of(report.made_ms)
    yield "report", f"{report.node}, {report.period.text}, made {made:%Y-%m-%d}"
    for name, value in as_fields(report).items():
        yield from _flat(name, value)


def _flat(name: str, value: Fact) -> Iterator[tuple[str, str | int | None]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}: {key}", inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for at, inner in enumerate(value):
            yield from _flat(f"{name} {at + 1}", inner)
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif isinstance(value, float):
        yield name, f"{value:.4f}"
    else:
        yield name, value


def _judged(judged: Judged) -> Mapping[str, Fact]:
    return {
        "list": judged.origin,
        "collection": judged.collection,
        "judged": _fact(judged.hits),
        "wrong": _fact(judged.wrong),
        "precision": _share(judged.precision),
    }


def _fact(number: Number) -> Fact:
    return number.value if isinstance(number, Hidden) else number


def _facts(parts: Parts) -> Mapping[str, Fact]:
    return {name: _fact(number) for name, number in parts.items()}


def _share(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
