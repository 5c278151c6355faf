"""Strict reading of the JSON that key files and trust documents are written in.

One meaning per document: a field given twice is refused, since two JSON parsers would read two documents out of it,
and so is base64 or hex that another text could also stand for. Every refusal is the error class the caller
names, with the place but never the content. What the fields mean is left to each format. Spec: docs/spec/trust.md,
"Encoding".
"""

import binascii
import json
import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from keys.errors import KeysError

Json: TypeAlias = "str | int | Sequence[Json] | Mapping[str, Json] | None"

MAX_TEXT: Final = 2048
MAX_ITEMS: Final = 256
MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON parser reads exactly."""

_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")


def dump(value: Json) -> bytes:
    """The deterministic JSON of `value`: sorted names, no white space, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def b64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return b64encode(data).decode("ascii")


def b64u(data: bytes) -> str:
    """URL-safe base64 without padding (RFC 4648 section 5), as JWK and our key texts write it."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str, *, error: type[KeysError]) -> bytes:
    """The bytes that `text` is the one standard base64 encoding of; raises `error`."""
    return _decode(text, lambda: b64decode(text.encode("ascii"), validate=True), b64, error)


def unb64u(text: str, *, error: type[KeysError]) -> bytes:
    """The bytes that `text` is the one unpadded URL-safe base64 encoding of; raises `error`."""
    return _decode(text, lambda: urlsafe_b64decode(text.encode("ascii") + b"=="), b64u, error)


def _decode(
    text: str, decode: Callable[[], bytes], encode: Callable[[bytes], str], error: type[KeysError]
) -> bytes:
    try:
        data = decode()
    except (binascii.Error, UnicodeEncodeError):
        raise error("not base64") from None
    if encode(data) != text:
        raise error("base64 that is not canonical")
    return data


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, `2026-11-24T00:00:00Z`."""
    assert moment.utcoffset() is not None, "an aware datetime"
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def load(data: bytes, *, max_bytes: int, where: str, error: type[KeysError]) -> "Fields":
    """The JSON object in `data`, at most `max_bytes` long; raises `error`."""
    if len(data) > max_bytes:
        raise error(f"{where}: longer than {max_bytes} bytes")

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise error(f"{where}: a field appears twice")
        return fields

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise error(f"{where}: not JSON") from None
    return Fields(value, where=where, error=error)


class Fields:
    """One JSON object, read field by field with a type, a range and a place for each."""

    __slots__ = ("_error", "_values", "_where")

    def __init__(self, value: object, *, where: str, error: type[KeysError]) -> None:
        if not isinstance(value, dict):
            raise error(f"{where}: not an object")
        self._values: dict[str, object] = value
        self._where = where
        self._error = error

    def refuse(self, name: str, why: str) -> KeysError:
        """The error for field `name`, to be raised by a reader with rules of its own."""
        return self._error(f"{self._where}: {name} {why}")

    def only(self, *names: str) -> None:
        """Refuses fields other than `names`."""
        if not self._values.keys() <= set(names):
            raise self._error(f"{self._where}: a field of unknown name")

    def absent(self, name: str) -> bool:
        """Whether the field is missing or null."""
        return self._values.get(name) is None

    def text(self, name: str, *, longest: int = MAX_TEXT) -> str:
        """A text of 1 to `longest` printable ASCII characters."""
        value = self._values.get(name)
        if not isinstance(value, str) or len(value) > longest or not _PRINTABLE.fullmatch(value):
            raise self.refuse(name, f"is not a text of 1 to {longest} printable ASCII characters")
        return value

    def integer(self, name: str, *, least: int = 0, most: int = MAX_INTEGER) -> int:
        """An integer from `least` to `most`."""
        return self._integer(name, self._values.get(name), least, most)

    def integers(self, name: str, *, least: int = 0) -> list[int]:
        """An array of integers that are at least `least`."""
        return [self._integer(name, item, least, MAX_INTEGER) for item in self._array(name)]

    def nested_list(self, name: str) -> "list[Fields]":
        """An array of objects."""
        where = f"{self._where}: {name}"
        return [Fields(item, where=where, error=self._error) for item in self._array(name)]

    def nested(self, name: str) -> "Fields":
        """An object."""
        return Fields(self._values.get(name), where=f"{self._where}: {name}", error=self._error)

    def base64(self, name: str, *, longest: int = MAX_TEXT) -> bytes:
        """Bytes in standard base64."""
        value = self._values.get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise self.refuse(name, "is not base64 of sensible length")
        return unb64(value, error=self._error)

    def base64url(self, name: str) -> bytes:
        """32 bytes in unpadded URL-safe base64: a key."""
        value = unb64u(self.text(name), error=self._error)
        if len(value) != 32:
            raise self.refuse(name, "is not 32 bytes long")
        return value

    def sha256(self, name: str) -> bytes:
        """A SHA-256 in lower-case hex."""
        return self._sha256(name, self._values.get(name))

    def sha256s(self, name: str) -> tuple[bytes, ...]:
        """An array of SHA-256 in lower-case hex."""
        return tuple(self._sha256(name, item) for item in self._array(name))

    def time(self, name: str) -> datetime:
        """A moment as `format_time` writes it."""
        text = self.text(name)
        if not _TIME.fullmatch(text):
            raise self.refuse(name, "is not a time in UTC with whole seconds")
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise self.refuse(name, "is not a time that exists") from None

    def _array(self, name: str) -> list[object]:
        value = self._values.get(name)
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise self.refuse(name, f"is not an array of at most {MAX_ITEMS} items")
        return value

    def _integer(self, name: str, value: object, least: int, most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.refuse(name, f"is not an integer from {least} to {most}")
        return value

    def _sha256(self, name: str, value: object) -> bytes:
        if not isinstance(value, str) or len(value) != 64 or not _HEX.fullmatch(value):
            raise self.refuse(name, "is not a SHA-256 in lower-case hex")
        return bytes.fromhex(value)
