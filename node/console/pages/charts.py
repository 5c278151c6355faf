"""Charts: what happened here over the last days or months, each picture with its numbers in a table below."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from markupsafe import Markup

from node.access.sessions import Visitor
from node.clock import HOUR_MS, MINUTE_MS
from node.console.languages import translated as _
from node.console.parts import Page, Section, Values
from node.console.words import lasting, number
from node.console.world import World
from node.errors import UsageError
from node.pages.charts import Series, columns
from node.partners.charts import Course, course_by_day, course_by_month, days, months

DAYS: Final = 30
MONTHS: Final = 12
VIEWS: Final = ("days", "months")
_EVERY: Final = 7
"""Days between two that are named below a picture: a telephone has no room for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture with its numbers."""

    name: str
    title: str
    about: str
    picture: Markup
    """Empty: nothing happened."""
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    """A day or month, and its numbers as they are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """What the page shows."""

    view: str
    charts: Sequence[Chart]


def gather(world: World, _visitor: Visitor, query: Values) -> Charts:
    """Everything of the last days, or months; raises `UsageError`."""
    view = query.text("by", "days")
    if view not in VIEWS:
        raise UsageError("charts are drawn by days or by months")
    if view == "days":
        course = course_by_day(world.store, days(world.now_ms, DAYS))
    else:
        course = course_by_month(world.store, months(world.now_ms, MONTHS))
    charts = [_changes(course), _hits(course)]
    if course.evaluations:
        charts.append(_evaluations(course))
    return Charts(view=view, charts=[*charts, _recall(course)])


def _changes(course: Course) -> Chart:
    series = (
        Series(name=_("added"), tint="one", values=course.added),
        Series(name=_("withdrawn"), tint="two", values=course.withdrawn),
    )
    about = _("What this agency published in its own lists.")
    return _counted("changes", _("Entries added and withdrawn"), about, course, series)


def _hits(course: Course) -> Chart:
    series = (Series(name=_("hits"), tint="one", values=course.hits),)
    about = _(
        "Listed files that partners found and reported. Reports that were purged in their time are not counted."
    )
    return _counted("hits", _("Hits"), about, course, series)


def _evaluations(course: Course) -> Chart:
    series = (Series(name=_("evaluations"), tint="three", values=course.evaluations),)
    about = _(
        "Blinded hashes that this node evaluated for partners, the ones that fill a request up included."
    )
    return _counted("evaluations", _("Private look-ups"), about, course, series)


def _counted(name: str, title: str, about: str, course: Course, series: Sequence[Series]) -> Chart:
    names = course.axis.names
    return Chart(
        name=name,
        title=title,
        about=about,
        picture=_drawn(title, about, course, series),
        heads=[one.name for one in series],
        rows=[(names[at], [_shown(one.values[at]) for one in series]) for at in reversed(range(len(names)))],
    )


def _recall(course: Course) -> Chart:
    title, names = _("Recall: from withdrawal to applied"), course.axis.names
    slowest = [0 if each is None else max(each.slowest_ms, 1) for each in course.recall]
    hours = max(slowest, default=0) >= 2 * HOUR_MS
    unit_ms = HOUR_MS if hours else MINUTE_MS
    words = _("slowest peer, in hours, rounded up") if hours else _("slowest peer, in minutes, rounded up")
    series = (Series(name=words, tint="two", values=[-(-each // unit_ms) for each in slowest]),)
    about = _(
        "How long after a withdrawal was published a peer holds it and releases nothing that it ended, by the day of"
        " publication. Peers that have not applied it yet are not in it."
    )
    rows: list[tuple[str, Sequence[str]]] = []
    for at in reversed(range(len(names))):
        each = course.recall[at]
        cells = (
            ("-", "-", "-")
            if each is None
            else (number(each.count), lasting(each.mean_ms), lasting(each.slowest_ms))
        )
        rows.append((names[at], cells))
    return Chart(
        name="recall",
        title=title,
        about=about,
        picture=_drawn(title, about, course, series),
        heads=[_("times applied"), _("mean"), _("slowest")],
        rows=rows,
    )


def _drawn(title: str, about: str, course: Course, series: Sequence[Series]) -> Markup:
    if not any(value for one in series for value in one.values):
        return Markup()
    # Every name and number in it was made safe by what draws.
    return Markup(columns(title, about, _places(course.axis.names), series))  # noqa: S704


def _places(names: Sequence[str]) -> list[str]:
    """What stands below the columns: every month, or a day a week, counted from today."""
    if len(names) == MONTHS:
        return [name[-2:] for name in names]
    last = len(names) - 1
    return [
        f"{date.fromisoformat(name):%m-%d}" if (last - at) % _EVERY == 0 else ""
        for at, name in enumerate(names)
    ]


def _shown(value: int | None) -> str:
    return _("not counted") if value is None else number(value)


PAGES: Final = (
    Page(name="charts", path="/console/charts", title="Charts", gather=gather, section=Section.RECORD),
)
