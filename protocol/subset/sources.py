"""The logs a release was made from, by the numbers that labels use for them.

A number means one log for a whole epoch: labels of older releases stay readable, and a label never points at
another member after the register changed. Spec: docs/spec/subset.md, section "Sources".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from protocol import limits
from protocol.encoding import CborValue
from protocol.errors import MalformedError, TooLargeError
from protocol.fields import array_of, number_of, octets_of, text_of

_HASH_BYTES = 32
_PARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCheckpoint:
    """How far one list was read: its checkpoint without the signatures."""

    number: int
    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.number < limits.MAX_SOURCES or not 0 <= self.size <= limits.MAX_LOG_SIZE:
            raise MalformedError("source: number or size out of range")
        if not 0 < len(self.origin.encode("utf-8")) <= limits.MAX_ORIGIN_BYTES:
            raise MalformedError("source: origin of impossible length")
        if not self.origin.isprintable():  # an origin is one line of a note
            raise MalformedError("source: origin with control characters")
        if len(self.root) != _HASH_BYTES:
            raise MalformedError("source: root of impossible length")

    def to_cbor(self) -> CborValue:
        """The array `[number, origin, size, root]`."""
        return [self.number, self.origin, self.size, self.root]

    @classmethod
    def from_cbor(cls, value: CborValue, where: str) -> "SourceCheckpoint":
        """Read the array `[number, origin, size, root]`; raises `MalformedError`."""
        parts = array_of(value, where)
        if len(parts) != _PARTS:
            raise MalformedError("{where} has a source that is not number, origin, size, root", where)
        number, origin, size, root = parts
        return cls(
            number=number_of(number, where, maximum=limits.MAX_SOURCES - 1),
            origin=text_of(origin, where),
            size=number_of(size, where, maximum=limits.MAX_LOG_SIZE),
            root=octets_of(root, where, _HASH_BYTES),
        )


def number_sources(held: Mapping[str, int], origins: Iterable[str]) -> dict[str, int]:
    """`held`, the numbers given so far in this epoch, with the next numbers for origins that have none.

    Numbers of logs that are no longer used stay taken; new origins are numbered in sorted order. Raises
    `TooLargeError` when an epoch runs out of numbers: a new epoch starts again at 0.
    """
    following = max(held.values(), default=-1) + 1
    new = sorted(set(origins) - set(held))
    if following + len(new) > limits.MAX_SOURCES:
        raise TooLargeError("sources: at most {most} logs in one epoch", limits.MAX_SOURCES)
    return {**held, **{origin: number for number, origin in enumerate(new, start=following)}}
