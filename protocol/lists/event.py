"""One change in a list's log: a header everybody reads and a commitment to what the grant decides about.

The header tells what kind of change it is, in which collection and when; the digest and what is said about it
stay behind the commitment (`protocol.lists.opening`). An event whose op, flag or algorithm this version does not know
is kept and shown to the operator, never applied: the log must stay readable when it grows. Rules that need the
events before it are `protocol.lists.sequence`'s. Spec: docs/spec/event.md.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from struct import Struct
from typing import Final

from protocol.digest import Algorithm
from protocol.errors import MalformedError
from protocol.limits import EVENT_BYTES, HEADER_BYTES

VERSION: Final = 1

SHRED: Final = 1
"""Flag bit 0: the openings of what is referenced are to be deleted."""

KNOWN_FLAGS: Final = SHRED

NO_COLLECTION: Final = 0
"""Collection of a `continue`: it speaks of a log, not of material."""
BASELINE: Final = 1
NATIONAL: Final = 2
INVESTIGATIVE: Final = 3
OTHER: Final = 4
PRIVATE_FROM: Final = 1024
"""Collections from here on are an agency's own and never released."""

_NAMES: Final = {BASELINE: "baseline", NATIONAL: "national", INVESTIGATIVE: "investigative", OTHER: "other"}
_NUMBERS: Final = {name: number for number, name in _NAMES.items()}
_MAX_U16: Final = 2**16 - 1
_LAYOUT: Final = Struct(">BBHBBHQQ")


class Op(IntEnum):
    """What an event does; the numbers are wire format."""

    ADD = 1
    WITHDRAW = 2
    AMEND = 3
    DISPUTE = 4
    RESOLVE = 5
    CONTINUE = 6


REFERRING: Final = frozenset({Op.WITHDRAW, Op.AMEND, Op.RESOLVE})
"""Ops whose `ref` names an earlier event of the same log; for the others it is 0."""

SHREDDING: Final = frozenset({Op.WITHDRAW, Op.RESOLVE})
"""Ops that may carry `SHRED`."""

CARRYING: Final = frozenset({Op.ADD, Op.DISPUTE})
"""Ops whose opening holds a digest."""


def collection_name(number: int) -> str:
    """What people call a collection: a name, or the number for one that has none."""
    return _NAMES.get(number, str(number))


def collection_number(text: str) -> int:
    """The collection that a name or decimal number means.

    Raises:
        MalformedError: neither a name nor a number from 1 to 65535.
    """
    if text in _NUMBERS:
        return _NUMBERS[text]
    if not (text.isascii() and text.isdecimal() and len(text) <= 5) or not 0 < int(text) <= _MAX_U16:
        raise MalformedError("collection: neither a known name nor a number from 1 to 65535")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The 24 public bytes of an event."""

    op: int
    """An `Op`, or a number this version does not know."""
    collection: int
    algorithm: int = Algorithm.HIDDEN
    flags: int = 0
    time_ms: int
    """Milliseconds since 1970 (UTC)."""
    ref: int = 0
    """Index of the event referred to; 0 when unused."""

    @property
    def known(self) -> bool:
        """Whether this version may apply the event; others are kept and shown to the operator."""
        return self.op in _OPS and not self.flags & ~KNOWN_FLAGS and self.algorithm in _ALGORITHMS

    @property
    def shreds(self) -> bool:
        """Whether the event asks for deletion of what it refers to."""
        return self.known and bool(self.flags & SHRED)

    def to_bytes(self) -> bytes:
        """The 24-byte wire form."""
        return _LAYOUT.pack(
            VERSION, self.op, self.collection, self.algorithm, self.flags, 0, self.time_ms, self.ref
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Header":
        """Parse 24 bytes.

        Raises:
            MalformedError: another length or version, or reserved bytes that are not zero.
        """
        return _parse(data)


@lru_cache(256)  # the adds of one publication have few headers
def _parse(data: bytes) -> Header:
    if len(data) != HEADER_BYTES:
        raise MalformedError("event header: {count} bytes instead of {size}", len(data), HEADER_BYTES)
    version, op, collection, algorithm, flags, reserved, time_ms, ref = _LAYOUT.unpack(data)
    if version != VERSION:
        raise MalformedError("event header: version {version} is not supported", version)
    if reserved:
        raise MalformedError("event header: reserved bytes are not zero")
    return Header(op=op, collection=collection, algorithm=algorithm, flags=flags, time_ms=time_ms, ref=ref)


_OPS: Final = frozenset(Op)
_ALGORITHMS: Final = frozenset(Algorithm)


@dataclass(frozen=True, slots=True)
class Event:
    """A header and the commitment to its opening: the 56 bytes that are a leaf of the log."""

    header: Header
    commitment: bytes

    def to_bytes(self) -> bytes:
        """The 56-byte wire form, the data of one leaf."""
        return self.header.to_bytes() + self.commitment

    @classmethod
    def from_bytes(cls, data: bytes) -> "Event":
        """Parse 56 bytes.

        Raises:
            MalformedError: another length, or a header that is not one.
        """
        if len(data) != EVENT_BYTES:
            raise MalformedError("event: {count} bytes instead of {size}", len(data), EVENT_BYTES)
        return cls(Header.from_bytes(data[:HEADER_BYTES]), data[HEADER_BYTES:])
