"""Typed reading of a decoded CBOR map, key by key, until none is left.

Statements, manifests and filters are small closed maps: a missing field, a field of another type or range, and a field
nobody asked for are all malformed. A later format has another format number and its own reader. Spec:
docs/spec/encoding.md.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

from protocol.encoding import CborValue, decode_cbor
from protocol.errors import MalformedError

_Item = TypeVar("_Item")


class Fields:
    """The fields of one map that are still to be read; `name` is what error texts call the map."""

    def __init__(self, data: bytes, *, name: str, max_bytes: int) -> None:
        self._name = name
        self._left = decode_cbor(data, max_bytes=max_bytes)

    def number(self, key: int, *, maximum: int, minimum: int = 0) -> int:
        """An integer within inclusive bounds."""
        return number_of(self._take(key), self._where(key), maximum=maximum, minimum=minimum)

    def optional_number(self, key: int, *, maximum: int, minimum: int = 0) -> int | None:
        """An integer within inclusive bounds, or None when the key is absent."""
        return self.number(key, maximum=maximum, minimum=minimum) if key in self._left else None

    def octets(self, key: int, size: int) -> bytes:
        """A byte string of `size` bytes."""
        return octets_of(self._take(key), self._where(key), size)

    def optional_octets(self, key: int, size: int) -> bytes | None:
        """A byte string of `size` bytes, or None when the key is absent."""
        return self.octets(key, size) if key in self._left else None

    def text(self, key: int) -> str:
        """A text, of any length that the whole may have."""
        return text_of(self._take(key), self._where(key))

    def octets_within(self, key: int, most: int) -> bytes:
        """A byte string of at most `most` bytes."""
        value = self._take(key)
        if not isinstance(value, bytes) or len(value) > most:
            raise MalformedError("{key} is not at most {most} bytes", self._where(key), most)
        return value

    def optional_octets_within(self, key: int, most: int) -> bytes:
        """A byte string of at most `most` bytes, empty when the key is absent."""
        return self.octets_within(key, most) if key in self._left else b""

    def line(self, key: int, most: int, *, least: int = 1) -> str:
        """A text of one line: from `least` to `most` UTF-8 bytes, all of it printable."""
        value = text_of(self._take(key), self._where(key))
        if not least <= len(value.encode("utf-8")) <= most or not value.isprintable():
            raise MalformedError(
                "{key} is not one printable line of {least} to {most} bytes", self._where(key), least, most
            )
        return value

    def truth(self, key: int) -> bool:
        """A boolean."""
        value = self._take(key)
        if not isinstance(value, bool):
            raise MalformedError("{key} is not a boolean", self._where(key))
        return value

    def flag(self, key: int) -> bool:
        """Whether a field is there: one that can only be true, so that there is one way to write it."""
        if key not in self._left:
            return False
        if self._left.pop(key) is not True:
            raise MalformedError("{key} is there and not true", self._where(key))
        return True

    def items(self, key: int, read: Callable[[CborValue, str], _Item]) -> tuple[_Item, ...]:
        """An array, each item read by `read(item, where)`."""
        where = self._where(key)
        return tuple(read(item, where) for item in array_of(self._take(key), where))

    def optional_items(self, key: int, read: Callable[[CborValue, str], _Item]) -> tuple[_Item, ...] | None:
        """An array, each item read by `read(item, where)`, or None when the key is absent."""
        return self.items(key, read) if key in self._left else None

    def finish(self) -> None:
        """Raise `MalformedError` if a field is left: its meaning is unknown, so the whole is not understood."""
        if self._left:
            raise MalformedError("{name}: unknown fields", self._name)

    def _where(self, key: int) -> str:
        return f"{self._name}: field {key}"

    def _take(self, key: int) -> CborValue:
        if key not in self._left:
            raise MalformedError("{key} is missing", self._where(key))
        return self._left.pop(key)


def increasing(numbers: Sequence[int]) -> bool:
    """Whether each number is greater than the one before: how a set is written, once."""
    return all(earlier < later for earlier, later in pairwise(numbers))


def number_of(value: CborValue, where: str, *, maximum: int, minimum: int = 0) -> int:
    """`value` as an integer within inclusive bounds; raises `MalformedError`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedError("{where} is not a number", where)
    if not minimum <= value <= maximum:
        raise MalformedError("{where} is out of range", where)
    return value


def octets_of(value: CborValue, where: str, size: int) -> bytes:
    """`value` as a byte string of `size` bytes; raises `MalformedError`."""
    if not isinstance(value, bytes) or len(value) != size:
        raise MalformedError("{where} is not {size} bytes", where, size)
    return value


def text_of(value: CborValue, where: str) -> str:
    """`value` as text; raises `MalformedError`."""
    if not isinstance(value, str):
        raise MalformedError("{where} is not text", where)
    return value


def array_of(value: CborValue, where: str) -> Sequence[CborValue]:
    """`value` as an array; raises `MalformedError`."""
    if not isinstance(value, list):
        raise MalformedError("{where} is not an array", where)
    return value
