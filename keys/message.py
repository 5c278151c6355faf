"""What programs say to people: English text, and beside it what the same is made of in another language."""

import json
from collections.abc import Iterable, Mapping
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


class Message(str):
    """A sentence with the values that it is made of: `Message("there is no person {name}", name=name)`.

    It is the English text, so it can be printed, kept and compared like any. An edge that knows a language translates
    the template and fills the values in again. A field is a bare name; its value is text, or a message (an error counts
    as what it says), which is translated as well. What is made of a message (a slice, an f-string) is text alone.
    """

    __slots__ = ("many", "number", "template", "values")

    template: str
    many: str
    """The template for other numbers than one; empty where there is one template."""
    number: int
    values: Mapping[str, str]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Values become text as in an f-string."""
        return cls._made(template, "", 1, {name: _worded(value) for name, value in values.items()})

    @classmethod
    def counted(cls, one: str, many: str, number: int, /, **values: object) -> Self:
        """A sentence with a number, which stands in the field `count` unless that is among the values."""
        worded = {name: _worded(value) for name, value in values.items()}
        return cls._made(one, many, number, {"count": f"{number:,}", **worded})

    @classmethod
    def joined(cls, between: str, parts: Iterable[str]) -> Self:
        """Several sentences in one."""
        values = {f"part{at}": part for at, part in enumerate(parts)}
        return cls(between.join(f"{{{name}}}" for name in values), **values)

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


def shortened(text: str, most: int) -> str:
    """A text, or its beginning where it has more than so many characters."""
    return text if len(text) <= most else text[:most]


def pack(text: str, most: int) -> str:
    """A text as it is kept, in up to so many characters; a message as what it is made of, where that fits."""
    if isinstance(text, Message):
        packed = json.dumps(_fields(text), ensure_ascii=False, separators=(",", ":"))
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


def _fields(message: Message) -> Mapping[str, object]:
    fields: dict[str, object] = {"template": message.template}
    if message.many:
        fields |= {"many": message.many, "number": message.number}
    if message.values:
        fields["values"] = {
            name: _fields(value) if isinstance(value, Message) else value
            for name, value in message.values.items()
        }
    return fields


def _message(fields: Any) -> Message:
    values = {
        str(name): _message(value) if isinstance(value, dict) else str(value)
        for name, value in fields.get("values", {}).items()
    }
    many, number = str(fields.get("many", "")), int(fields.get("number", 1))
    return Message._made(str(fields["template"]), many, number, values)  # noqa: SLF001 - of this module


def _worded(value: object) -> str:
    if isinstance(value, Message):
        return value
    said = value.args[0] if isinstance(value, Exception) and value.args else None
    return said if isinstance(said, Message) else f"{value}"


def _filled(template: str, values: Mapping[str, str]) -> str:
    return template.format_map(values) if values else template
