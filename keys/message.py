"""What programs say to people: English text, and beside it what the same is made of in another language."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import Formatter
from typing import Any, Final, Protocol, Self

from typing_extensions import override

_MARK: Final = '{"template":'
"""How a message begins that is kept; no other text is kept with this beginning."""


class Language(Protocol):
    """Translations by English text, as the standard library's `gettext` has them."""

    def gettext(self, message: str, /) -> str:
        """The text in this language; itself where it is not translated."""
        ...

    def ngettext(self, one: str, many: str, number: int, /) -> str:
        """The text for this number."""
        ...


def marked(message: str) -> str:
    """A sentence that is translated where it is shown: marks it for the catalogues, and gives it as it is."""
    return message


class Message(str):
    """A sentence with the values that it is made of: `Message("there is no person {name}", name)`.

    It is the English text, so it can be printed, kept and compared like any. An edge that knows a language translates
    the template and fills the values in again. Values stand in the order in which their fields first appear; a field is
    a bare name. A value is text, or a message (an error counts as what it says), which is translated as well. What is
    made of a message (a slice, an f-string) is text alone.
    """

    __slots__ = ("many", "number", "template", "values")

    template: str
    many: str
    """The template for other numbers than one; empty where there is one template."""
    number: int
    values: Mapping[str, str]

    def __new__(cls, template: str, /, *values: object) -> Self:
        """Values become text as in an f-string; without any the template is the text, whatever is in it."""
        if not values and isinstance(template, cls):
            return template
        return cls._made(template, "", 1, _named(fields(template), values) if values else {})

    @classmethod
    def counted(cls, one: str, many: str, number: int, /, *values: object) -> Self:
        """A sentence with a number, which stands in the field `count`; `values` are for the other fields of `many`."""
        others = [name for name in fields(many) if name != "count"]
        return cls._made(one, many, number, {"count": f"{number:,}", **_named(others, values)})

    @classmethod
    def joined(cls, between: str, parts: Sequence[str]) -> Self:
        """Several sentences in one."""
        return cls(between.join(f"{{part{at}}}" for at in range(len(parts))), *parts)

    @classmethod
    def _made(cls, template: str, many: str, number: int, values: Mapping[str, str]) -> Self:
        made = super().__new__(cls, _filled(many if many and number != 1 else template, values))
        made.template, made.many, made.number, made.values = template, many, number, values
        return made

    @override
    def __reduce__(self) -> tuple[object, ...]:
        return self._made, (self.template, self.many, self.number, dict(self.values))

    def translated(self, language: Language) -> str:
        """The sentence in another language."""
        if self.many:
            template = language.ngettext(self.template, self.many, self.number)
        else:
            template = language.gettext(self.template) if self.template else ""
        said = {
            name: value.translated(language) if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return _filled(template, said)


@lru_cache(maxsize=1024)
def fields(template: str) -> Sequence[str]:
    """The names of what is filled into a template, in the order of their first appearance."""
    return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(template) if name is not None))


def shortened(text: str, most: int) -> str:
    """A text, or its beginning where it has more than so many characters."""
    return text if len(text) <= most else text[:most]


def pack(text: str, most: int) -> str:
    """A text as it is kept, in up to so many characters; a message as what it is made of, where that fits."""
    if isinstance(text, Message):
        packed = json.dumps(_packed(text), ensure_ascii=False, separators=(",", ":"))
        if len(packed) <= most:
            return packed
    # What somebody else says is never taken for a message.
    return (f" {text}" if text.startswith(_MARK) else f"{text}")[:most]


def unpack(kept: str) -> str:
    """What `pack` was given; what was kept before there were messages is text."""
    if not kept.startswith(_MARK):
        return kept
    try:
        return _message(json.loads(kept))
    except (ValueError, LookupError, TypeError, AttributeError):
        return kept


def _packed(message: Message) -> Mapping[str, object]:
    packed: dict[str, object] = {"template": message.template}
    if message.many:
        packed |= {"many": message.many, "number": message.number}
    if message.values:
        packed["values"] = {
            name: _packed(value) if isinstance(value, Message) else value
            for name, value in message.values.items()
        }
    return packed


def _message(packed: Any) -> Message:
    values = {
        str(name): _message(value) if isinstance(value, dict) else str(value)
        for name, value in packed.get("values", {}).items()
    }
    many, number = str(packed.get("many", "")), int(packed.get("number", 1))
    return Message._made(str(packed["template"]), many, number, values)  # noqa: SLF001 - of this module


def _named(names: Sequence[str], values: Sequence[object]) -> Mapping[str, str]:
    return {name: _worded(value) for name, value in zip(names, values, strict=True)}


def _worded(value: object) -> str:
    if isinstance(value, Message):
        return value
    said = value.args[0] if isinstance(value, Exception) and value.args else None
    return said if isinstance(said, Message) else f"{value}"


def _filled(template: str, values: Mapping[str, str]) -> str:
    return template.format_map(values) if values else template
