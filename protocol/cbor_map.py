"""One closed map of deterministic CBOR whose fields are those of a dataclass: what statements and requests are.

Each field of the dataclass is annotated with its key and with what it may hold, so what is written and what is read
cannot part. The first key is that of the format's number, which is 1. What spans several fields is the class's own
matter (`__post_init__`). Spec: docs/spec/encoding.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from enum import IntEnum
from typing import Any, ClassVar, Final, Self, get_args

from protocol.encoding import CborValue, encode_cbor
from protocol.fields import Fields

FORMAT: Final = 1
SHA256_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Field:
    """How a field is read and written: as one entry of the map, as none, or as two."""

    read: Callable[[Fields], Any]
    """Raises `MalformedError`."""
    write: Callable[[Any], Mapping[int, CborValue]]


class CborMap:
    """Base of such dataclasses; a subclass says what error texts call it and how long it may be."""

    __slots__ = ()

    name: ClassVar[str]
    max_bytes: ClassVar[int]
    format_key: ClassVar[int] = 0

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(self._map())

    def bytes_without(self, key: int) -> bytes:
        """The same without one entry."""
        return encode_cbor({each: value for each, value in self._map().items() if each != key})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse one; what it says is not believed yet. Raises `MalformedError`."""
        fields = Fields(data, name=cls.name, max_bytes=cls.max_bytes)
        fields.number(cls.format_key, minimum=FORMAT, maximum=FORMAT)
        read = {name: field.read(fields) for name, field in _fields(cls)}
        fields.finish()
        return cls(**read)

    def _map(self) -> dict[int, CborValue]:
        entries: dict[int, CborValue] = {self.format_key: FORMAT}
        for name, field in _fields(self):
            entries |= field.write(getattr(self, name))
        return entries


def _fields(message: Any) -> Iterator[tuple[str, Field]]:
    for each in fields_of(message):
        _, field = get_args(each.type)  # of Annotated[type, field]
        yield each.name, field


def number(key: int, maximum: int, *, minimum: int = 0) -> Field:
    """An integer within inclusive bounds."""
    return Field(
        lambda fields: fields.number(key, minimum=minimum, maximum=maximum), lambda value: {key: value}
    )


def optional_number(key: int, maximum: int) -> Field:
    """An integer from 0 on; None is written as no entry."""
    return Field(
        lambda fields: fields.optional_number(key, maximum=maximum),
        lambda value: {} if value is None else {key: value},
    )


def choice(key: int, choices: type[IntEnum]) -> Field:
    """One of an enumeration without gaps, as its number."""
    return Field(
        lambda fields: choices(fields.number(key, minimum=min(choices), maximum=max(choices))),
        lambda value: {key: int(value)},
    )


def octets(key: int, size: int) -> Field:
    """A byte string of `size` bytes."""
    return Field(lambda fields: fields.octets(key, size), lambda value: {key: value})


def octets_within(key: int, most: int) -> Field:
    """A byte string of at most `most` bytes."""
    return Field(lambda fields: fields.octets_within(key, most), lambda value: {key: value})


def line(key: int, most: int, *, least: int = 1) -> Field:
    """A text of one line: from `least` to `most` UTF-8 bytes, all of it printable."""
    return Field(lambda fields: fields.line(key, most, least=least), lambda value: {key: value})


def items(key: int, read: Callable[[CborValue, str], object], write: Callable[[Any], CborValue]) -> Field:
    """An array; `read` is told the item and where it stands."""
    return Field(lambda fields: fields.items(key, read), lambda value: {key: [write(item) for item in value]})
