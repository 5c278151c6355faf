"""Sentences of services in the language of the page: errors, hints and outcomes, which are English where they are made.

A service knows no language, and what it says holds names and numbers already. So its sentence is compared with the
templates in `node.console.sentences`; of the one that fits, the translation gets the same values. What fits none stays
as it is. Nothing is decided by it, and values are text: they are escaped where they are shown, as ever.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from node.console.languages import DEFAULT, spoken
from node.console.languages import translated as _
from node.console.sentences import SENTENCES

_LONGEST: Final = 2_000
"""Characters of a sentence that is compared: names that somebody typed may be in it."""
_FIELD: Final = re.compile(r"\{(\w+)\}")
_WORDS: Final = "words"
"""Fields whose names begin so hold a sentence of a service again."""
_BETWEEN: Final = "; "


def told(sentence: str) -> str:
    """The sentence as people of this page read it."""
    if spoken() == DEFAULT or len(sentence) > _LONGEST:
        return sentence
    for template, parts, names in _templates():
        values = _values(sentence, parts)
        if values is not None:
            return _filled(_(template), dict(zip(names, map(_told_field, names, values), strict=True)))
    several = sentence.split(_BETWEEN)
    return _BETWEEN.join(map(told, several)) if len(several) > 1 else sentence


def _told_field(name: str, value: str) -> str:
    return told(value) if name.startswith(_WORDS) else value


@cache
def _templates() -> Sequence[tuple[str, Sequence[str], Sequence[str]]]:
    """Each with the texts between its fields and their names; first what says most by itself."""
    found = [(text, _FIELD.split(text)) for text in SENTENCES]
    split = [(text, parts[::2], parts[1::2]) for text, parts in found]
    return sorted(split, key=lambda each: -sum(map(len, each[1])))


def _values(sentence: str, parts: Sequence[str]) -> Sequence[str] | None:
    """What stands in the fields; None where the template does not fit. In one pass, whatever the values are."""
    first, *between = parts
    if not between:
        return () if sentence == first else None
    *inner, last = between
    if not sentence.startswith(first) or not sentence.endswith(last):
        return None
    at, end, values = len(first), len(sentence) - len(last), []
    for part in inner:
        found = sentence.find(part, at + 1, end)
        if found < 0:
            return None
        values.append(sentence[at:found])
        at = found + len(part)
    return None if at >= end else [*values, sentence[at:end]]


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: values[field[1]], template)
