"""Which language a page is written in, and its words; English is what stands in templates and code."""

import gettext
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from importlib.resources import as_file, files
from typing import Final

from keys.message import Message

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "fr": "Français"}
"""By code, each in its own words."""
DEFAULT: Final = "en"
_DOMAIN: Final = "console"

_current: ContextVar[str] = ContextVar("language", default=DEFAULT)


def speak(language: str) -> None:
    """Write in this language for the rest of the request."""
    _current.set(language if language in LANGUAGES else DEFAULT)


def spoken() -> str:
    """The code of the language that is written now."""
    return _current.get()


def accepted(header: str) -> str:
    """The first language of an `Accept-Language` header (RFC 9110, section 12.5.4) that there is; else English."""
    offers = []
    for at, part in enumerate(header[:512].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        code = tag.split("-")[0].strip().lower()
        if code in LANGUAGES:
            offers.append((-_weight(weight), at, code))
    return min(offers)[2] if offers else DEFAULT


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def marked(message: str) -> str:
    """A sentence that is translated where it is shown: marks it for the catalogues, and gives it as it is."""
    return message


def translated(message: str) -> str:
    """A sentence in the language that is written now; a message with its values."""
    if isinstance(message, Message):
        return message.translated(_catalogue(_current.get()))
    return _catalogue(_current.get()).gettext(message) if message else ""


def translated_plural(one: str, many: str, count: int) -> str:
    """A sentence with a number."""
    return _catalogue(_current.get()).ngettext(one, many, count)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == DEFAULT:
        return gettext.NullTranslations()
    with as_file(files("node.console").joinpath("locale")) as folder:
        return gettext.translation(_DOMAIN, folder, [language], fallback=True)
