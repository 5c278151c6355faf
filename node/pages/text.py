"""Words and numbers as they stand in a page.

Names of files come from whoever uploaded them. Escaping keeps them from being markup; what would be obeyed all the same
when shown (control characters, marks that turn the direction of writing) is written out.
"""

from html import escape
from typing import Final

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")
_HOUR_SECONDS: Final = 3600
_MINUTE_SECONDS: Final = 60


def safe(text: str) -> str:
    """Text for HTML and SVG, in attributes too."""
    return escape(visible(text), quote=True)


def with_commands(text: str) -> str:
    """Own words for HTML, in which commands stand between backticks; never for text that comes from elsewhere."""
    parts = safe(text).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def visible(text: str) -> str:
    """The text with whatever does not print written as an escape.

    A name with a right-to-left override would show `exe.jpg` for `gpj.exe`, a lone surrogate (a name that is not UTF-8)
    could not be written at all.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii")
        for char in text
    )


def size(count: int) -> str:
    """A number of bytes, rounded for people."""
    if count < 1000:
        return f"{count} B"
    power = min((len(str(count)) - 1) // 3, len(_UNITS))
    return f"{count / 1000**power:.{1 if power == 1 else 2}f} {_UNITS[power - 1]}"


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 file`, `2,000 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def lasting(seconds: float) -> str:
    """A duration in its two largest units, rounded down."""
    whole = int(seconds)
    if whole >= 24 * _HOUR_SECONDS:
        return f"{whole // (24 * _HOUR_SECONDS)} d {whole // _HOUR_SECONDS % 24} h"
    if whole >= _HOUR_SECONDS:
        return f"{whole // _HOUR_SECONDS} h {whole // _MINUTE_SECONDS % 60} min"
    if whole >= _MINUTE_SECONDS:
        return f"{whole // _MINUTE_SECONDS} min {whole % _MINUTE_SECONDS} s"
    return f"{whole} s"
