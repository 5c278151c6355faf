"""Which language a page is written in, and its words; English is what stands in templates and code.

The file that people translate is the one that is read: `locale/*/LC_MESSAGES/console.po`, as Babel writes it.
"""

import gettext
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Final

from keys.message import Language, Message
from node.errors import UsageError

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "fr": "Français"}
"""By code, each in its own words."""
DEFAULT: Final = "en"
_APART: Final[Mapping[str, str]] = {"en": ",", "fr": " "}
_THOUSANDS: Final = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])", re.ASCII)
_SENTENCE: Final = re.compile(r'^msgid (".*")\n(?:msgid_plural ".*"\n)?((?:msgstr\S* ".*"\n)+)', re.MULTILINE)
_SAID: Final = re.compile(r'^msgstr\S* (".*")$', re.MULTILINE)
_FORM: Final = re.compile(r"plural=(.+?);")

_current: ContextVar[str] = ContextVar("language", default=DEFAULT)


def speak(language: str) -> None:
    """Write in this language for the rest of the request."""
    _current.set(language if language in LANGUAGES else DEFAULT)


def require_language(language: str) -> None:
    """Check that a language can be chosen; empty: as the browser asks for. Raises `UsageError`."""
    if language and language not in LANGUAGES:
        raise UsageError("this console does not speak that language")


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


def translated(message: str) -> str:
    """A sentence in the language that is written now; a message with its values."""
    if not message:
        return ""
    if isinstance(message, Message):
        return grouped(message.translated(_catalogue(_current.get())))
    return _catalogue(_current.get()).gettext(message)


def grouped(text: str) -> str:
    """A text with the thousands of its numbers apart as this language has them: a comma is the point of others."""
    return _THOUSANDS.sub(lambda found: found[0].replace(",", _APART[_current.get()]), text)


def translated_plural(one: str, many: str, count: int) -> str:
    """A sentence with a number."""
    return _catalogue(_current.get()).ngettext(one, many, count)


def plural(one: str, many: str, count: int) -> str:
    """A sentence about so many, with the number in it; empty for none."""
    return translated_plural(one, many, count).format(count=count) if count else ""


class Catalogue:
    """The sentences of a language, out of the text of a `.po` file; what is not translated stays English."""

    def __init__(self, text: str) -> None:
        self._said: Mapping[str, Sequence[str]] = dict(_sentences(text))
        form = _FORM.search(self._said[""][0])
        assert form is not None, "the header says which number takes which form"
        self._form = gettext.c2py(form[1])

    def gettext(self, message: str, /) -> str:
        """The text in this language."""
        return self._said.get(message, (message,))[0] or message

    def ngettext(self, one: str, many: str, number: int, /) -> str:
        """The text for this number."""
        said = self._said.get(one, ())
        return (said[self._form(number)] if said else "") or (one if number == 1 else many)


def _sentences(text: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Each in English, with its translation; of a plural, with all of them. Quoted as JSON would."""
    for one, said in _SENTENCE.findall(text.replace('"\n"', "")):
        yield json.loads(one), [json.loads(each) for each in _SAID.findall(said)]


@cache
def _catalogue(language: str) -> Language:
    if language == DEFAULT:
        return gettext.NullTranslations()
    path = files("node.console").joinpath("locale", language, "LC_MESSAGES", "console.po")
    return Catalogue(path.read_text(encoding="utf-8"))
