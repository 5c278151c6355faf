"""What one peer may read: collections, perhaps only some algorithms, perhaps until a day.

A grant that cannot be read covers nothing: a damaged row must never open a list. Where a grant is kept, and that
it is asked at every read, is the node's matter. Spec: docs/spec/event.md, "Grants".
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypedDict

from protocol.digest import Algorithm
from protocol.errors import MalformedError, TooLargeError
from protocol.limits import MAX_GRANT_BYTES
from protocol.lists.event import NO_COLLECTION, Op, collection_name, collection_number

_WITH_DIGEST: Final = frozenset({Op.ADD, Op.DISPUTE})


class GrantFields(TypedDict):
    """A grant in JSON: names instead of numbers."""

    collections: list[str]
    algorithms: list[str] | None
    until: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The collections, algorithms (None: all) and time (None: no end) that somebody may read."""

    collections: frozenset[int]
    algorithms: frozenset[Algorithm] | None = None
    until: datetime | None = None
    """Aware; the grant covers nothing from then on."""

    def covers(self, collection: int, now: datetime) -> bool:
        """Whether openings of a header's collection may be read at `now` (aware).

        A `continue` has no collection: whoever may read anything of a list may know what it continues.
        """
        if self.until is not None and now >= self.until:
            return False
        return collection in self.collections or (collection == NO_COLLECTION and bool(self.collections))

    def collections_at(self, now: datetime) -> frozenset[int]:
        """The collections that it covers at `now` (aware)."""
        return frozenset(number for number in self.collections if self.covers(number, now))

    def covers_algorithm(self, algorithm: int) -> bool:
        """Whether digests of this algorithm may be read; an opening without a digest (0) always."""
        return self.algorithms is None or algorithm == Algorithm.HIDDEN or algorithm in self.algorithms

    def includes(self, other: "Grant") -> bool:
        """Whether everything that `other` covers is covered, ends left aside."""
        if not other.collections:
            return True
        if self.algorithms is not None and (
            other.algorithms is None or not other.algorithms <= self.algorithms
        ):
            return False
        return other.collections <= self.collections

    def meet(self, other: "Grant") -> "Grant":
        """What both cover, without an end."""
        if self.algorithms is None or other.algorithms is None:
            algorithms = other.algorithms if self.algorithms is None else self.algorithms
        else:
            algorithms = self.algorithms & other.algorithms
        return Grant(collections=self.collections & other.collections, algorithms=algorithms)

    def join(self, other: "Grant") -> "Grant":
        """What one of them covers, without an end, where one grant can say it; otherwise `other`."""
        if self.includes(other):
            return Grant(collections=self.collections, algorithms=self.algorithms)
        if self.algorithms != other.algorithms:
            return Grant(collections=other.collections, algorithms=other.algorithms)
        return Grant(collections=self.collections | other.collections, algorithms=self.algorithms)

    def may_open(self, collection: int, algorithm: int) -> bool:
        """Whether an event that its header describes so can be covered; `algorithm` is 0 where it is hidden."""
        covered = collection in self.collections or (collection == NO_COLLECTION and bool(self.collections))
        return covered and self.covers_algorithm(algorithm)

    def opens(self, collection: int, op: int, algorithm: int) -> bool:
        """Whether an event must be opened that its header describes so: `algorithm` is 0 where it is hidden.

        Of an entry that hides its algorithm nobody can say whether a grant of some algorithms covers it.
        """
        if not self.may_open(collection, algorithm):
            return False
        return self.algorithms is None or op not in _WITH_DIGEST or algorithm != Algorithm.HIDDEN

    def to_json(self) -> GrantFields:
        """The JSON object of the grant."""
        algorithms = None if self.algorithms is None else sorted(self.algorithms)
        return {
            "collections": [collection_name(number) for number in sorted(self.collections)],
            "algorithms": None if algorithms is None else [item.name.lower() for item in algorithms],
            "until": None if self.until is None else self.until.isoformat(),
        }

    @classmethod
    def from_json(cls, value: object) -> "Grant":
        """Parse what `to_json` gave.

        Raises:
            MalformedError: a missing, additional or unreadable field.
        """
        if not isinstance(value, dict) or value.keys() != {"collections", "algorithms", "until"}:
            raise MalformedError("grant: needs collections, algorithms and until, and nothing else")
        algorithms = value["algorithms"]
        return cls(
            collections=frozenset(collection_number(name) for name in _texts(value["collections"])),
            algorithms=None if algorithms is None else frozenset(map(_algorithm, _texts(algorithms))),
            until=_time(value["until"]),
        )


def encode_grant(grant: Grant) -> bytes:
    """The grant as JSON text."""
    return json.dumps(grant.to_json(), separators=(",", ":")).encode()


def decode_grant(data: bytes) -> Grant:
    """The grant in a JSON text; raises `MalformedError`."""
    if len(data) > MAX_GRANT_BYTES:
        raise TooLargeError("grant: longer than any")
    try:
        return Grant.from_json(json.loads(data))
    except (ValueError, RecursionError):
        raise MalformedError("grant: not a JSON object") from None


NOTHING = Grant(collections=frozenset())
"""Covers no collection."""


def read_grant(value: object) -> Grant:
    """The grant in a stored JSON value, or `NOTHING` when it cannot be read."""
    try:
        return Grant.from_json(value)
    except MalformedError:
        return NOTHING


def _texts(value: object) -> Iterable[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MalformedError("grant: a list of names is expected")
    return value


def _algorithm(name: str) -> Algorithm:
    for algorithm in Algorithm:
        if algorithm is not Algorithm.HIDDEN and algorithm.name.lower() == name:
            return algorithm
    raise MalformedError("grant: unknown algorithm")


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        until = datetime.fromisoformat(value) if isinstance(value, str) else None
        if until is not None and until.tzinfo is not None:
            return until.astimezone(UTC)
    except (ValueError, OverflowError):
        until = None
    raise MalformedError("grant: until is not a time with its zone")
