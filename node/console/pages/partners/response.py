"""The model national response: what this node records of a country's work, by capability; and the report to publish.

Names and groups are those of WeProtect's guidance of 2016. Nothing is judged: no phase of maturity, and no capability
that others are responsible for. The numbers are confidential, as small ones are among them; the report is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keys.message import marked
from node.access.sessions import Visitor
from node.acts.act import OPERATORS, SECURITY
from node.app.partners.transparency import FORMS, make_report
from node.clock import moment_of
from node.console.languages import translated as _
from node.console.pages.partners.response_facts import Figure, facts
from node.console.parts import Download, File, Page, Section, Values
from node.console.world import World
from node.errors import UsageError
from node.transparency.periods import Period

GROUPS: Final[Sequence[tuple[str, Sequence[tuple[int, str]]]]] = (
    (
        marked("Policy and governance"),
        (
            (1, marked("Leadership")),
            (2, marked("Research, analysis and monitoring")),
            (3, marked("Legislation")),
        ),
    ),
    (
        marked("Criminal justice"),
        (
            (4, marked("Dedicated law enforcement")),
            (5, marked("Judiciary and prosecutors")),
            (6, marked("Offender management")),
            (7, marked("Access to image databases")),
        ),
    ),
    (
        marked("Victim"),
        (
            (8, marked("End-to-end support")),
            (9, marked("Child protection workforce")),
            (10, marked("Compensation, remedies and complaints")),
            (11, marked("Child helpline")),
        ),
    ),
    (
        marked("Societal"),
        (
            (12, marked("CSEA hotline")),
            (13, marked("Education")),
            (14, marked("Child participation")),
            (15, marked("Offender support")),
        ),
    ),
    (
        marked("Industry"),
        (
            (16, marked("Takedown procedures")),
            (17, marked("CSEA reporting")),
            (18, marked("Innovative solution development")),
            (19, marked("Corporate social responsibility")),
        ),
    ),
    (
        marked("Media and communications"),
        ((20, marked("Ethical media reporting")), (21, marked("Universal terminology"))),
    ),
)
"""The 21 capabilities; CSEA: child sexual exploitation and abuse."""

_TYPES: Final = {"html": "text/html", "csv": "text/csv", "json": "application/json"}
_PARTS: Final = (("", 12), ("H", 6), ("Q", 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the page shows."""

    groups: Sequence[tuple[str, Sequence[tuple[int, str]]]]
    recorded: Mapping[int, Sequence[Figure]]
    """What the node records of a capability, by its number; the others are outside of it."""
    periods: Sequence[Period]
    """That a report can be made of, the latest first."""
    suggested: str
    """The last half-year that is over."""
    now_ms: int


def gather(world: World, _visitor: Visitor, _query: Values) -> Response:
    """Everything, as it stands now."""
    periods = list(_periods(moment_of(world.now_ms)))
    over = (each.text for each in periods if each.length == 6 and each.end_ms <= world.now_ms)
    return Response(
        groups=GROUPS, recorded=facts(world), periods=periods, suggested=next(over), now_ms=world.now_ms
    )


def _periods(now: datetime) -> Iterator[Period]:
    """Of this year and the last: years, half-years, quarters and months that have begun."""
    for letter, length in _PARTS:
        for year in (now.year, now.year - 1):
            for number in reversed(range(1, 12 // length + 1)):
                if (year, (number - 1) * length + 1) <= (now.year, now.month):
                    yield Period.parse(f"{year}{letter}{number}" if letter else f"{year}")
    for year in (now.year, now.year - 1):
        for month in reversed(range(1, 13)):
            if (year, month) <= (now.year, now.month):
                yield Period.parse(f"{year}-{month:02}")


def report(world: World, _visitor: Visitor, query: Values) -> File:
    """The transparency report of a period; small numbers are withheld in it. Raises `UsageError`."""
    period, form = Period.parse(query.require("period", _("the period"))), query.text("form", "html")
    if form not in FORMS:
        raise UsageError("a report is a page, a sheet or JSON", hint="choose one of: html, csv, json")
    body = "".join(FORMS[form](make_report(world.identity, world.store, period))).encode()
    return File(f"{world.node}-transparency-{period.text}.{form}", _TYPES[form], body)


PAGES: Final = (
    Page(name="response", path="/console/response", title="Response", gather=gather, section=Section.RECORD),
)

DOWNLOADS: Final = (
    Download(
        name="response-report",
        path="/console/response/report",
        make=report,
        roles=OPERATORS | SECURITY,
        record="report.transparency",
    ),
)
