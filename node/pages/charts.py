"""Pictures of numbers, as inline SVG that fits any width: bars, columns that are stacked over time, a line.

Positions are percentages and letters have points, so that a telephone shows the same letters as a screen. A picture
says nothing that is not in a table beside it: `<title>` and `<desc>` are for who cannot see it, the table for who wants
the numbers. A value that is withheld has no bar and says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from node.pages.text import safe

_ROW: Final = 44
"""Points that a bar takes with its words."""
_HIGH: Final = 170
"""Points of the columns and the line, without what is written below."""
_TOP: Final = 22
_LEAST: Final = 2.0
"""Points of the smallest part of a column: what is there is to be seen."""
_WIDEST: Final = 78
"""Percent that the longest bar takes: its number needs the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar with its words."""

    label: str
    value: int | None
    """None: withheld."""
    shown: str
    """The value as people read it."""
    tint: str = "one"
    """Which colour: `one`, `two`, `three`, `rest`, `bad`, `good` or `waits`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One row of values over the places of an axis."""

    name: str
    tint: str
    values: Sequence[int | None]


def bars(title: str, about: str, rows: Sequence[Bar]) -> str:
    """Bars below each other, each under its words."""
    longest = max((row.value or 0 for row in rows), default=0) or 1
    drawn = "".join(_bar(row, at * _ROW, longest) for at, row in enumerate(rows))
    return _picture(title, about, len(rows) * _ROW, drawn)


def columns(title: str, about: str, places: Sequence[str], series: Sequence[Series]) -> str:
    """Columns over the places of an axis, their values on top of each other, with what the colours mean."""
    sums = [sum(one.values[at] or 0 for one in series) for at in range(len(places))]
    top = _round_up(max(sums, default=0))
    drawn = "".join(_column(at, len(places), series, top) for at in range(len(places)))
    legend = _named((one.tint, one.name) for one in series)
    return legend + _picture(title, about, _TOP + _HIGH + 24, _grid(top) + drawn + _places(places))


def line(title: str, about: str, places: Sequence[str], values: Sequence[int]) -> str:
    """A line over the places of an axis."""
    top = _round_up(max(values, default=0))
    points = [(_middle(at, len(places)), 100 - 100 * value / top) for at, value in enumerate(values)]
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    dots = "".join(
        f'<circle class="one" cx="{x:.2f}%" cy="{_TOP + y * _HIGH / 100:.1f}" r="4"/>' for x, y in points
    )
    # A square of 100 that is stretched: the line keeps its width, and no letters are in it.
    drawn = (
        f'<svg y="{_TOP}" width="100%" height="{_HIGH}" viewBox="0 0 100 100" preserveAspectRatio="none"'
        f' overflow="visible"><polyline class="line" points="{path}" vector-effect="non-scaling-stroke"/></svg>'
    )
    return _picture(title, about, _TOP + _HIGH + 24, _grid(top) + drawn + dots + _places(places))


def share(title: str, about: str, parts: Sequence[Bar]) -> str:
    """One bar that is divided, with what the colours mean; parts that are there are at least to be seen."""
    whole = sum(part.value or 0 for part in parts) or 1
    widths = [max(0.6, 100 * part.value / whole) if part.value else 0.0 for part in parts]
    scale = 100 / (sum(widths) or 1)
    drawn, at = [], 0.0
    for part, width in zip(parts, widths, strict=True):
        drawn.append(
            f'<rect class="{part.tint}" x="{at * scale:.2f}%" width="{width * scale:.2f}%" height="26"/>'
        )
        at += width
    return _picture(title, about, 26, "".join(drawn)) + _named(
        (part.tint, f"{part.label}: {part.shown}") for part in parts
    )


def _bar(row: Bar, y: int, longest: int) -> str:
    width = _WIDEST * (row.value or 0) / longest
    return (
        f'<text x="0" y="{y + 15}">{safe(row.label)}</text>'
        f'<rect class="{row.tint}" y="{y + 22}" width="{width:.2f}%" height="13" rx="3"/>'
        f'<text class="soft" x="{width:.2f}%" dx="7" y="{y + 33}">{safe(row.shown)}</text>'
    )


def _column(at: int, count: int, series: Sequence[Series], top: int) -> str:
    width = min(64 / count, 14.0)
    left, y, drawn = _middle(at, count) - width / 2, float(_TOP + _HIGH), ""
    for one in series:
        high = max(_LEAST, _HIGH * value / top) if (value := one.values[at]) else 0
        y -= high
        if high:
            drawn += f'<rect class="{one.tint}" x="{left:.2f}%" y="{y:.1f}" width="{width:.2f}%" height="{high:.1f}"/>'
    return drawn


def _grid(top: int) -> str:
    levels = ((0, top), (0.5, top // 2), (1, 0)) if top % 2 == 0 else ((0, top), (1, 0))
    return "".join(
        f'<line class="grid" x1="0" x2="100%" y1="{_TOP + part * _HIGH:.1f}" y2="{_TOP + part * _HIGH:.1f}"/>'
        f'<text class="soft" x="0" y="{_TOP + part * _HIGH - 5:.1f}">{value:,}</text>'
        for part, value in levels
    )


def _places(places: Sequence[str]) -> str:
    y = _TOP + _HIGH + 18
    return "".join(
        f'<text class="soft mid" x="{_middle(at, len(places)):.2f}%" y="{y}">{safe(place)}</text>'
        for at, place in enumerate(places)
    )


def _middle(at: int, count: int) -> float:
    """Where a place is, in percent: the first twelfth is left to the numbers of the axis."""
    return 8 + 92 * (at + 0.5) / count


def _round_up(value: int) -> int:
    """The next number that begins with 1, 2, 4, 5 or 8, at least 1."""
    power = 1
    while True:
        for first in (1, 2, 4, 5, 8):
            if value <= first * power:
                return first * power
        power *= 10


def _named(tints: Iterable[tuple[str, str]]) -> str:
    items = "".join(f"<li>{_square(tint)}{safe(words)}</li>" for tint, words in tints)
    return f'<ul class="legend">{items}</ul>'


def _square(tint: str) -> str:
    inner = f'<rect class="{tint}" width="12" height="12" rx="3"/>'
    return f'<svg width="12" height="12" aria-hidden="true">{inner}</svg>'


def _picture(title: str, about: str, height: int, drawn: str) -> str:
    return (
        f'<svg class="chart" role="img" width="100%" height="{height}"><title>{safe(title)}</title>'
        f"<desc>{safe(about)}</desc>{drawn}</svg>"
    )
