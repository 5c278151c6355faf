"""The three encodings every format here is made of: deterministic CBOR, base64 and decimal numbers.

A value has one encoding. Whatever a reader accepts re-encodes to the same bytes, so two nodes that agree
on a value agree on its hash, and nobody can make a second, different-looking copy of a signed thing. The
CBOR profile is small (integers, byte and text strings, arrays, maps with unsigned keys, booleans, null),
so it is read here in one pass that checks each bound before it allocates; a general decoder would also
accept tags, floats and references. What the keys of a map mean is each format's own matter. Spec:
docs/spec/encoding.md.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.limits import MAX_CBOR_DEPTH, MAX_CBOR_ITEMS

Octets: TypeAlias = bytes | memoryview
"""Bytes, perhaps those of a mapped file."""
CborValue: TypeAlias = "int | bytes | str | bool | Sequence[CborValue] | Mapping[int, CborValue] | None"

_UNSIGNED: Final = 0
_NEGATIVE: Final = 1
_BYTES: Final = 2
_TEXT: Final = 3
_ARRAY: Final = 4
_MAP: Final = 5
_TAG: Final = 6
_SIMPLE: Final = 7
_SIMPLE_VALUES: Final[dict[int, bool | None]] = {20: False, 21: True, 22: None}
_ARGUMENT_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_MAX_U64: Final = 2**64 - 1
_MAX_DECIMAL_DIGITS: Final = 20


def encode_cbor(value: Mapping[int, CborValue]) -> bytes:
    """The one deterministic encoding (RFC 8949 section 4.2.1) of a map with unsigned keys.

    Raises `TypeError` for a value outside the profile and `AssertionError` for an integer beyond 64 bits.
    """
    return _encode(value)


def decode_cbor(data: bytes, *, max_bytes: int) -> dict[int, CborValue]:
    """The map that `data` is the deterministic encoding of.

    Arrays come back as `list`, maps as `dict`. Raises `TooLargeError` beyond `max_bytes`,
    `MAX_CBOR_DEPTH` or `MAX_CBOR_ITEMS`, `NotCanonicalError` for another encoding of the same value, else
    `MalformedError`.
    """
    if len(data) > max_bytes:
        raise TooLargeError("CBOR of {count} bytes, at most {max_bytes} allowed", len(data), max_bytes)
    reader = _CborReader(data)
    value = reader.item(depth=0)
    if not reader.finished():
        raise MalformedError("bytes after the CBOR value")
    if not isinstance(value, dict):
        raise MalformedError("the top CBOR value is not a map")
    return value


def b64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    """The bytes that `text` is the one standard base64 encoding of.

    Raises `MalformedError` for anything outside the alphabet, and `NotCanonicalError` when unused trailing
    bits are set: they would give one signature many spellings.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise MalformedError("not standard base64") from None
    if b64(data) != text:
        raise NotCanonicalError("base64 with unused bits or padding that are not canonical")
    return data


def parse_decimal(text: str, maximum: int) -> int:
    """The non-negative ASCII decimal in `text`: no sign, no leading zero, no other script's digits.

    Raises `TooLargeError` above `maximum`, else `MalformedError`.
    """
    if not text or not text.isascii() or not text.isdigit():
        raise MalformedError("not a decimal number")
    if len(text) > 1 and text[0] == "0":
        raise NotCanonicalError("a decimal number with a leading zero")
    if len(text) > _MAX_DECIMAL_DIGITS or int(text) > maximum:
        raise TooLargeError("a number above {maximum}", maximum)
    return int(text)


def _encode(value: CborValue) -> bytes:
    match value:
        case bool() | None:
            return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
        case int():
            return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            text = value.encode("utf-8")
            return _head(_TEXT, len(text)) + text
        case Mapping():
            return _encode_map(value)
        case list() | tuple():
            return _head(_ARRAY, len(value)) + b"".join(map(_encode, value))
        case _:
            raise TypeError(f"no CBOR encoding for {type(value).__name__}")


def _encode_map(value: Mapping[int, CborValue]) -> bytes:
    parts = [_head(_MAP, len(value))]
    for key in sorted(value):
        if isinstance(key, bool) or key < 0:
            raise TypeError("CBOR map keys are unsigned integers")
        parts += (_head(_UNSIGNED, key), _encode(value[key]))
    return b"".join(parts)


def _head(major: int, argument: int) -> bytes:
    assert argument <= _MAX_U64, "beyond 64 bits"
    if argument < 24:
        return bytes([major << 5 | argument])
    info, width = next((i, w) for i, w in _ARGUMENT_WIDTHS.items() if argument < 1 << 8 * w)
    return bytes([major << 5 | info]) + argument.to_bytes(width, "big")


class _CborReader:
    """Reads one value front to back, counting items and depth."""

    __slots__ = ("_at", "_data", "_items")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._items = 0

    def finished(self) -> bool:
        return self._at == len(self._data)

    def item(self, *, depth: int) -> CborValue:
        major, argument = self._head()
        if major == _UNSIGNED:
            return argument
        if major == _NEGATIVE:
            return -1 - argument
        if major == _SIMPLE:
            return _SIMPLE_VALUES[argument]
        if major in {_BYTES, _TEXT}:
            return self._string(major, argument)
        return self._container(major, argument, depth)

    def _head(self) -> tuple[int, int]:
        self._items += 1
        if self._items > MAX_CBOR_ITEMS:
            raise TooLargeError("more than {most} CBOR items", MAX_CBOR_ITEMS)
        initial = self._take(1)[0]
        major, info = initial >> 5, initial & 31
        if major == _TAG:
            raise MalformedError("CBOR tags are not allowed")
        if major == _SIMPLE:
            return major, _simple(info)
        return major, self._argument(info)

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        width = _ARGUMENT_WIDTHS.get(info)
        if width is None:
            raise MalformedError("indefinite or reserved CBOR length")
        argument = int.from_bytes(self._take(width), "big")
        if argument < (24 if width == 1 else 1 << 4 * width):
            raise NotCanonicalError("a CBOR argument that is longer than it need be")
        return argument

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise MalformedError("CBOR ends in the middle of a value")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def _string(self, major: int, count: int) -> bytes | str:
        data = self._take(count)
        if major == _BYTES:
            return data
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedError("CBOR text that is not UTF-8") from None

    def _container(self, major: int, count: int, depth: int) -> CborValue:
        if depth >= MAX_CBOR_DEPTH:
            raise TooLargeError("CBOR nested deeper than {most}", MAX_CBOR_DEPTH)
        if major == _ARRAY:
            return [self.item(depth=depth + 1) for _ in range(count)]
        return self._map(count, depth)

    def _map(self, count: int, depth: int) -> dict[int, CborValue]:
        entries: dict[int, CborValue] = {}
        last = -1
        for _ in range(count):
            major, key = self._head()
            if major != _UNSIGNED:
                raise MalformedError("a CBOR map key that is not an unsigned integer")
            if key <= last:
                # Bytewise order of deterministic unsigned keys is their numeric order; equal is a duplicate.
                raise NotCanonicalError("CBOR map keys out of order or repeated")
            last = key
            entries[key] = self.item(depth=depth + 1)
        return entries


def _simple(info: int) -> int:
    if info not in _SIMPLE_VALUES:
        raise MalformedError("CBOR floats, undefined and other simple values are not allowed")
    return info
