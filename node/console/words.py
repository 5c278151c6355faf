"""How times, numbers, hashes and names are written on a page."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

from keys.message import Message, marked
from node.clock import DAY_MS, HOUR_MS, MINUTE_MS, moment_of
from node.console.languages import DEFAULT, grouped, plural, spoken, translated_plural
from node.console.languages import translated as _
from node.pages.text import visible

_KEPT: Final = 4096
"""Times that are not written anew: a page has the same as when it was looked at before."""
SHORT: Final = 8
"""Hex digits that are shown of a hash."""


def shown(value: object) -> object:
    """Any value in a template, with what would be obeyed when shown written out; markup is left as it is.

    A message is in the language of the page.
    """
    if isinstance(value, Message):
        value = _(value)
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_KNOWS: Final[Mapping[str, str]] = {
    "own": marked("holds the material"),
    "reviewed": marked("examined the material"),
    "relies-on": marked("relies on another"),
}


def knows(basis: str) -> str:
    """How an agency knows what it lists, by the word that is typed for it."""
    return _(_KNOWS.get(basis, marked("does not say how it knows")))


def choices(names: Iterable[str]) -> list[tuple[str, str]]:
    """Names that people choose from, each called what it is."""
    return [(name, name) for name in names]


def told(text: str) -> Markup:
    """What a program says, in the language of the page; marked as English where it is not translated."""
    words = visible(_(text))
    english = words == visible(text) and spoken() != DEFAULT
    return Markup('<span lang="en">{}</span>').format(words) if english else escape(words)


def lines(text: str) -> Markup:
    """A text of several lines, as a field for such holds it."""
    return Markup("\n").join(visible(line) for line in text.splitlines())


def moment(time_ms: int | None) -> Markup:
    """A time in UTC, that machines read too."""
    if not time_ms:
        return Markup('<span class="soft">{}</span>').format(_("never"))
    return _moment(time_ms // 1000)


def day(value: date | int | None) -> Markup:
    """A day."""
    if not value:
        return Markup("-")
    at = moment_of(value).date() if isinstance(value, int) else value
    return _day(at)


@lru_cache(_KEPT)
def _moment(seconds: int) -> Markup:
    at = datetime.fromtimestamp(seconds, UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M} UTC"
    )


@lru_cache(_KEPT)
def _day(at: date) -> Markup:
    return Markup('<time datetime="{0}">{0}</time>').format(f"{at:%Y-%m-%d}")


def lasting(span_ms: int) -> str:
    """A span in its largest unit, rounded down: `3 hours`."""
    span = abs(span_ms)
    if span < MINUTE_MS:
        return _("less than a minute")
    if span < HOUR_MS:
        return plural("{count} minute", "{count} minutes", span // MINUTE_MS)
    if span < 2 * DAY_MS:
        return plural("{count} hour", "{count} hours", span // HOUR_MS)
    count = span // DAY_MS
    return translated_plural("{count} day", "{count} days", count).format(count=number(count))


def ago(time_ms: int | None, now_ms: int) -> str:
    """How long ago something was, or how long until it is."""
    if not time_ms:
        return _("never")
    span = lasting(now_ms - time_ms)
    return (_("{span} ago") if time_ms <= now_ms else _("in {span}")).format(span=span)


def number(value: float) -> str:
    """A number with its thousands apart."""
    return grouped(f"{value:,}")


def short(value: bytes) -> str:
    """The beginning of a hash: enough to tell two apart on a page, too little to look one up."""
    return f"{value.hex()[:SHORT]}…"
