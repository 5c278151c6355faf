"""A disclosed look-up: a partner shows PDQ values in the clear, and is told which are near an entry of its subset.

Not a private look-up: the node sees the values. They are sent in ascending order, each once, so that nothing says which
are of one file. The answer to a value is the collection of the nearest entry, or 0; never a distance, an entry, or
whose it is. Spec: docs/spec/disclosed.md.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from protocol.cbor_map import CborMap, items, number, octets
from protocol.digest import SIZES, Algorithm, Digest, degenerate
from protocol.encoding import CborValue
from protocol.errors import MalformedError
from protocol.fields import increasing, number_of, octets_of
from protocol.limits import MAX_DISCLOSED_BYTES, MAX_DISCLOSED_REPLY_BYTES, MAX_DISCLOSED_VALUES, MAX_LOG_SIZE
from protocol.lists.event import PRIVATE_FROM
from protocol.subset.identity import SUBSET_ID_BYTES

NOTHING: Final = 0
"""In the place of a collection: no entry is near."""


def _pdq(value: CborValue, where: str) -> Digest:
    return Digest(Algorithm.PDQ, octets_of(value, where, SIZES[Algorithm.PDQ]))


def _collection(value: CborValue, where: str) -> int:
    return number_of(value, where, maximum=PRIVATE_FROM - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedQuery(CborMap):
    """PDQ values that a partner shows.

    Raises:
        MalformedError: none or too many, another kind of hash, not in ascending order, or twice the same.
    """

    name: ClassVar[str] = "disclosed look-up"
    max_bytes: ClassVar[int] = MAX_DISCLOSED_BYTES

    subset_id: Annotated[bytes, octets(1, SUBSET_ID_BYTES)]
    values: Annotated[tuple[Digest, ...], items(2, _pdq, lambda digest: digest.value)] = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= MAX_DISCLOSED_VALUES:
            raise MalformedError("disclosed look-up: not 1 to {most} values", MAX_DISCLOSED_VALUES)
        if any(value.algorithm is not Algorithm.PDQ for value in self.values):
            raise MalformedError("disclosed look-up: another hash than PDQ")
        if not increasing([int.from_bytes(value.value) for value in self.values]):
            raise MalformedError("disclosed look-up: values that do not ascend")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedReply(CborMap):
    """Of each value, in the order of the query, the collection of the nearest entry, or `NOTHING`."""

    name: ClassVar[str] = "reply to a disclosed look-up"
    max_bytes: ClassVar[int] = MAX_DISCLOSED_REPLY_BYTES

    version: Annotated[int, number(1, MAX_LOG_SIZE, minimum=1)]
    """Of the release that was compared with."""
    collections: Annotated[tuple[int, ...], items(2, _collection, lambda collection: collection)]


def open_reply(data: bytes, query: DisclosedQuery) -> DisclosedReply:
    """The reply to `query`; raises `MalformedError`, for another number of answers too."""
    reply = DisclosedReply.from_bytes(data)
    if len(reply.collections) != len(query.values):
        raise MalformedError("reply to a disclosed look-up: not one answer for each value")
    return reply


def require_content(query: DisclosedQuery) -> None:
    """Check that every value says something about its picture, by what is published alone.

    Apart from reading: which these are may grow.

    Raises:
        MalformedError: one that many unrelated pictures share.
    """
    for place, value in enumerate(query.values, 1):
        if reason := degenerate(value):
            raise MalformedError("value {place} of a disclosed look-up: {reason}", place, reason)
