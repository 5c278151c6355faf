"""The federation as a map: this node in the middle, members around it by country, a line to each that is followed.

Drawn on the server in units of a square that fits a telephone and a desk alike. What the drawing says with a shape, a
line and a colour is in the table beside it in words; who cannot see it loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import cos, pi, sin
from typing import Final

from markupsafe import Markup

from node.pages.text import safe
from node.peers.status import Freshness

_WIDE: Final = 470
_X: Final = _WIDE / 2
_RING: Final = 112
"""From the middle to the members."""
_HEAD: Final = 4.3
"""Half of an arrowhead."""
_NAMES_UP_TO: Final = 14
"""With more members than this, countries are written and not names."""
_NAME_CHARS: Final = 13
_IN_A_ROW: Final = 2
"""Up to so many members stand beside the middle, not above and below it."""
_COUNTRY_GAP: Final = 0.75
"""Room between countries, in places of members."""

_NONE: Final = "-"
"""In the place of the country of who has none."""

_TONES: Final = {
    Freshness.FORKED: "bad",
    Freshness.SILENT: "bad",
    Freshness.WITHHOLDING: "bad",
    Freshness.ASIDE: "waits",
    Freshness.LATE: "waits",
    Freshness.NEW: "rest",
    Freshness.UNFOLLOWED: "rest",
    Freshness.FRESH: "good",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedMember:
    """A member on the map."""

    node: str
    country: str
    """Empty: a body of no country."""
    freshness: Freshness
    words: str
    """Everything that is drawn of it, in a sentence."""
    followed: bool
    follows_us: bool


def tone(freshness: Freshness) -> str:
    """In which of the four tones a state is shown: good, waits, bad or rest."""
    return _TONES[freshness]


def draw(own: str, places: Sequence[MappedMember], *, title: str, about: str) -> Markup:
    """The map of `places`, which come by country, as one SVG."""
    angles = _angles(places)
    named = len(places) <= _NAMES_UP_TO
    lines = "".join(_line(place, angle) for place, angle in zip(places, angles, strict=True))
    marks = "".join(_mark(place, angle, small=not named) for place, angle in zip(places, angles, strict=True))
    written = (
        "".join(_name(place, angle) for place, angle in zip(places, angles, strict=True))
        if named
        else _countries(places, angles)
    )
    middle = (
        f'<circle class="own" cx="{_X:g}" cy="0" r="26"/><circle class="one" cx="{_X:g}" cy="0" r="15"/>'
        f'<text class="mid strong plate" x="{_X:g}" y="46">{safe(_short(own))}</text>'
    )
    top, bottom = _extent(angles)
    return Markup(  # noqa: S704 - every text in it went through `safe`
        f'<svg class="federation{"" if named else " many"}" role="img" viewBox="0 {top} {_WIDE} {bottom - top}"'
        f' aria-labelledby="map-title map-about">'
        f'<title id="map-title">{safe(title)}</title><desc id="map-about">{safe(about)}</desc>'
        f"{lines}{middle}{marks}{written}</svg>"
    )


def _angles(places: Sequence[MappedMember]) -> list[float]:
    """Where each stands, clockwise from the top, with room between countries."""
    steps, at, before = [], 0.0, None
    for place in places:
        if before is not None:
            at += 1 + (_COUNTRY_GAP if place.country != before else 0)
        steps.append(at)
        before = place.country
    whole = at + 1 + (_COUNTRY_GAP if len(places) > 1 and places[0].country != before else 0)
    start = 0.0 if len(places) <= _IN_A_ROW else -pi / 2
    return [start + 2 * pi * step / whole for step in steps]


def _extent(angles: Sequence[float]) -> tuple[int, int]:
    """The highest and the lowest line that is drawn on, with room for what is written."""
    heights = [_point(angle, _RING)[1] for angle in angles]
    return round(min([-20, *heights])) - 52, round(max([30, *heights])) + 48


def _point(angle: float, far: float) -> tuple[float, float]:
    return _X + far * cos(angle), far * sin(angle)


def _line(place: MappedMember, angle: float) -> str:
    """From the middle to a peer; an arrowhead stands where what is read goes: to whoever follows."""
    if not place.followed:
        return ""
    (x1, y1), (x2, y2) = _point(angle, 28), _point(angle, _RING - 10)
    heads = _head(angle, 42, -1) + (_head(angle, _RING - 16, 1) if place.follows_us else "")
    path = f'<path class="link {place.freshness}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
    return f'{path}<g class="heads {tone(place.freshness)}">{heads}</g>'


def _head(angle: float, far: float, way: int) -> str:
    """An arrowhead on a line, `way` 1 outwards and -1 inwards."""
    tip_x, tip_y = _point(angle, far + _HEAD * way)
    left_x, left_y = _point(angle + _HEAD / far, far - _HEAD * way)
    right_x, right_y = _point(angle - _HEAD / far, far - _HEAD * way)
    return f'<path d="M{tip_x:.1f} {tip_y:.1f}L{left_x:.1f} {left_y:.1f}L{right_x:.1f} {right_y:.1f}Z"/>'


def _mark(place: MappedMember, angle: float, *, small: bool) -> str:
    """Its state as a shape: a disc is well, a half disc waits, a triangle stands still, a ring is not followed."""
    x, y = _point(angle, _RING)
    r = 5.5 if small else 8.5
    tint = tone(place.freshness)
    if tint == "bad":
        h = r * 1.3
        shape = f'<path class="bad" d="M{x:.1f} {y - h:.1f}L{x + h:.1f} {y + h * 0.8:.1f}H{x - h:.1f}Z"/>'
    elif tint == "waits":
        shape = (
            f'<circle class="hollow waits" cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
            f'<path class="waits" d="M{x:.1f} {y - r:.1f}A{r} {r} 0 0 0 {x:.1f} {y + r:.1f}Z"/>'
        )
    elif tint == "rest":
        shape = f'<circle class="hollow rest" cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
    else:
        shape = f'<circle class="good" cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>'
    return f"<g><title>{safe(place.words)}</title>{shape}</g>"


def _name(place: MappedMember, angle: float) -> str:
    x, y = _point(angle, _RING + 16)
    side = "mid" if abs(cos(angle)) < 0.3 else ("left" if cos(angle) > 0 else "right")
    y += 12 * sin(angle) + (-10 if side == "mid" and sin(angle) < 0 else 2 if side == "mid" else 0)
    return (
        f'<text class="strong {side}" x="{x:.1f}" y="{y:.1f}">{safe(place.country or _NONE)}</text>'
        f'<text class="soft {side}" x="{x:.1f}" y="{y + 14:.1f}">{safe(_short(place.node))}</text>'
    )


def _countries(places: Sequence[MappedMember], angles: Sequence[float]) -> str:
    """Each country once, outside of its members, with an arc along them."""
    drawn = []
    for country, group in groupby(zip(places, angles, strict=True), key=lambda one: one[0].country):
        own = [angle for _, angle in group]
        x, y = _point((own[0] + own[-1]) / 2, _RING + 32)
        drawn.append(f'<text class="mid" x="{x:.1f}" y="{y + 4:.1f}">{safe(country or _NONE)}</text>')
        if len(own) > 1:
            (x1, y1), (x2, y2) = _point(own[0], _RING + 15), _point(own[-1], _RING + 15)
            large = int(own[-1] - own[0] > pi)
            drawn.append(
                f'<path class="arc" d="M{x1:.1f} {y1:.1f}A{_RING + 15} {_RING + 15} 0 {large} 1 {x2:.1f} {y2:.1f}"/>'
            )
    return "".join(drawn)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_CHARS else f"{name[: _NAME_CHARS - 1]}…"
