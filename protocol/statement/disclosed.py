"""A disclosed look-up: a partner shows PDQ values in the clear, and is told which are near an entry of its subset.

Not a private look-up: the node sees the values. They are sent in ascending order, each once, so that nothing says which
are of one file. The answer to a value is the collection of the nearest entry, or 0; never a distance, an entry, or
whose it is. Spec: docs/spec/disclosed.md.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from protocol.digest import SIZES, Algorithm, Digest, degenerate
from protocol.encoding import encode_cbor
from protocol.errors import MalformedError
from protocol.event import PRIVATE_FROM
from protocol.limits import MAX_DISCLOSED_BYTES, MAX_DISCLOSED_REPLY_BYTES, MAX_DISCLOSED_VALUES, MAX_LOG_SIZE
from protocol.subset.fields import Fields, increasing, number_of, octets_of
from protocol.subset.identity import SUBSET_ID_BYTES

FORMAT: Final = 1
NOTHING: Final = 0
"""In the place of a collection: no entry is near."""
_PDQ_BYTES: Final = SIZES[Algorithm.PDQ]


class _Asked(IntEnum):
    FORMAT = 0
    SUBSET_ID = 1
    VALUES = 2


class _Told(IntEnum):
    FORMAT = 0
    VERSION = 1
    COLLECTIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedQuery:
    """PDQ values that a partner shows.

    Raises:
        MalformedError: none or too many, another kind of hash, not in ascending order, or twice the same.
    """

    subset_id: bytes
    values: tuple[Digest, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= MAX_DISCLOSED_VALUES:
            raise MalformedError(f"disclosed look-up: not 1 to {MAX_DISCLOSED_VALUES} values")
        if any(value.algorithm is not Algorithm.PDQ for value in self.values):
            raise MalformedError("disclosed look-up: another hash than PDQ")
        if not increasing([int.from_bytes(value.value) for value in self.values]):
            raise MalformedError("disclosed look-up: values that do not ascend")

    def to_bytes(self) -> bytes:
        """Deterministic CBOR: the body that is sent."""
        return encode_cbor(
            {
                _Asked.FORMAT: FORMAT,
                _Asked.SUBSET_ID: self.subset_id,
                _Asked.VALUES: [value.value for value in self.values],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "DisclosedQuery":
        """Parse a body; raises `MalformedError`."""
        fields = Fields(data, name="disclosed look-up", max_bytes=MAX_DISCLOSED_BYTES)
        fields.number(_Asked.FORMAT, minimum=FORMAT, maximum=FORMAT)
        query = cls(
            subset_id=fields.octets(_Asked.SUBSET_ID, SUBSET_ID_BYTES),
            values=fields.items(
                _Asked.VALUES, lambda value, where: Digest(Algorithm.PDQ, octets_of(value, where, _PDQ_BYTES))
            ),
        )
        fields.finish()
        return query


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedReply:
    """Of each value, in the order of the query, the collection of the nearest entry, or `NOTHING`."""

    version: int
    """Of the release that was compared with."""
    collections: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(
            {
                _Told.FORMAT: FORMAT,
                _Told.VERSION: self.version,
                _Told.COLLECTIONS: list(self.collections),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, query: DisclosedQuery) -> "DisclosedReply":
        """Parse the reply to `query`; raises `MalformedError`, for another number of answers too."""
        fields = Fields(data, name="reply to a disclosed look-up", max_bytes=MAX_DISCLOSED_REPLY_BYTES)
        fields.number(_Told.FORMAT, minimum=FORMAT, maximum=FORMAT)
        reply = cls(
            version=fields.number(_Told.VERSION, minimum=1, maximum=MAX_LOG_SIZE),
            collections=fields.items(
                _Told.COLLECTIONS, lambda value, where: number_of(value, where, maximum=PRIVATE_FROM - 1)
            ),
        )
        fields.finish()
        if len(reply.collections) != len(query.values):
            raise MalformedError("reply to a disclosed look-up: not one answer for each value")
        return reply


def require_content(query: DisclosedQuery) -> None:
    """Check that every value says something about its picture, by what is published alone.

    Apart from reading: which these are may grow.

    Raises:
        MalformedError: one that many unrelated pictures share.
    """
    for number, value in enumerate(query.values, 1):
        if reason := degenerate(value):
            raise MalformedError(f"value {number} of a disclosed look-up: {reason}")
