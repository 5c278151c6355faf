"""What a node tells the owner of a list: how far it holds the list, and how far its releases follow it.

It is the payload of a statement, signed with the node's statement key. `released_size` is the smallest size of the
list that one of the node's subsets was last judged by; a node that releases nothing leaves it out. Spec:
docs/spec/acknowledgement.md.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError
from protocol.limits import MAX_ACKNOWLEDGEMENT_BYTES, MAX_LOG_SIZE, MAX_ORIGIN_BYTES
from protocol.subset.fields import Fields

KIND: Final = "acknowledgement"
"""Kind of the statement."""
FORMAT: Final = 1
_ROOT_BYTES: Final = 32
_MAX_TIME_MS: Final = 2**53


class _Key(IntEnum):
    FORMAT = 1
    NODE = 2
    ORIGIN = 3
    TIME_MS = 4
    HELD_SIZE = 5
    HELD_ROOT = 6
    RELEASED_SIZE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """One statement; raises `MalformedError` when a field is out of its range."""

    node: str
    """Who says so."""
    origin: str
    time_ms: int
    held_size: int
    held_root: bytes
    """Root of the list at that size, 32 bytes."""
    released_size: int | None = None

    def __post_init__(self) -> None:
        for text in (self.node, self.origin):
            if (
                not 0 < len(text.encode("utf-8", "surrogatepass")) <= MAX_ORIGIN_BYTES
                or not text.isprintable()
            ):
                raise MalformedError("acknowledgement: not a name")
        sizes = (self.held_size, self.released_size or 0)
        if not all(0 <= size <= MAX_LOG_SIZE for size in sizes) or not 0 <= self.time_ms <= _MAX_TIME_MS:
            raise MalformedError("acknowledgement: a size or time out of range")
        if len(self.held_root) != _ROOT_BYTES:
            raise MalformedError("acknowledgement: a root that is not 32 bytes")
        if self.released_size is not None and self.released_size > self.held_size:
            raise MalformedError("acknowledgement: releases follow more than is held")

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(self._fields() | {int(_Key.TIME_MS): self.time_ms})

    def content(self) -> bytes:
        """The same without the time: what has not changed need not be said again."""
        return encode_cbor(self._fields())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Acknowledgement":
        """Parse; raises `MalformedError` for anything but the one encoding of an acknowledgement."""
        fields = Fields(data, name="acknowledgement", max_bytes=MAX_ACKNOWLEDGEMENT_BYTES)
        fields.number(_Key.FORMAT, minimum=FORMAT, maximum=FORMAT)
        found = cls(
            node=fields.text(_Key.NODE),
            origin=fields.text(_Key.ORIGIN),
            time_ms=fields.number(_Key.TIME_MS, maximum=_MAX_TIME_MS),
            held_size=fields.number(_Key.HELD_SIZE, maximum=MAX_LOG_SIZE),
            held_root=fields.octets(_Key.HELD_ROOT, _ROOT_BYTES),
            released_size=fields.optional_number(_Key.RELEASED_SIZE, maximum=MAX_LOG_SIZE),
        )
        fields.finish()
        return found

    def _fields(self) -> dict[int, CborValue]:
        fields: dict[int, CborValue] = {
            _Key.FORMAT: FORMAT,
            _Key.NODE: self.node,
            _Key.ORIGIN: self.origin,
            _Key.HELD_SIZE: self.held_size,
            _Key.HELD_ROOT: self.held_root,
        }
        if self.released_size is not None:
            fields[_Key.RELEASED_SIZE] = self.released_size
        return {int(key): value for key, value in fields.items()}
