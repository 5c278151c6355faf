"""Which effective digests a subset has, and how much its release tells: a filter as data.

Its hash is in every manifest, so a release made by another filter than the one agreed with a partner shows.
Applying it to the quorum's result is the releasing service's work. Spec: docs/spec/subset.md, section "Filter".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from hashlib import sha256
from typing import Final

from protocol.digest import SIZES, Algorithm
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError, NotCanonicalError
from protocol.fields import Fields, increasing, number_of
from protocol.lists.event import PRIVATE_FROM

FORMAT: Final = 1
MAX_SCREEN_BITS: Final = 16
"""The budget of accredited partners; far beyond it a screen is practically the list."""
MAX_FILTER_BYTES: Final = 8 * 1024
"""Every collection there can be takes 3 bytes."""

EXACT: Final = frozenset({Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256})
"""Digests of a file's bytes, of which one leads to the others."""

_FORMAT, _COLLECTIONS, _ALGORITHMS, _SCREEN_BITS, _LABELS, _HOLDINGS, _SCREEN_RULE = range(7)


class ScreenRule(IntEnum):
    """By which rule a release chose what it screens."""

    STRONGEST = 1
    """Of each row its strongest digest, and every PDQ: the rule of a release whose filter names none."""
    WEAKEST = 2
    """Every MD5; another exact digest unless a weaker one leads to it: `protocol.selection`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetFilter:
    """What a subset takes in, and the two choices that decide what a release of it reveals."""

    collections: frozenset[int]
    algorithms: frozenset[Algorithm]
    screen_bits: int
    """Leak budget per screened value: 8 weak, 12 default, 16 for accredited partners, 0 no screen."""
    labels: bool
    """Whether a release carries all labels; without them a label comes with the receipt of a report."""
    holdings: bool = False
    """What the agency itself lists instead of what is effective: for other agencies, never for partners."""
    screen_rule: ScreenRule = ScreenRule.WEAKEST
    """By which rule its releases choose what they screen."""

    def __post_init__(self) -> None:
        if not self.collections or not self.algorithms:
            raise MalformedError("filter: takes nothing in")
        if not all(0 < collection < PRIVATE_FROM for collection in self.collections):
            raise MalformedError("filter: a collection that is never released")
        if not 0 <= self.screen_bits <= MAX_SCREEN_BITS:
            raise MalformedError("filter: screen bits must be 0 to {most}", MAX_SCREEN_BITS)
        if self.screen_rule is not ScreenRule.STRONGEST and len(self._kinds) > 1:
            raise MalformedError("filter: exact and perceptual hashes in one subset")

    @property
    def _kinds(self) -> list[frozenset[Algorithm]]:
        """Its algorithms by what leads to what: exact ones together, each perceptual one alone."""
        exact = self.algorithms & EXACT
        perceptual = [frozenset({algorithm}) for algorithm in sorted(self.algorithms - EXACT)]
        return [exact, *perceptual] if exact else perceptual

    def renewed(self) -> "SubsetFilter":
        """The same by the newest rule: of an older one that takes in several kinds, the exact hashes stay."""
        if self.screen_rule is ScreenRule.WEAKEST:
            return self
        return replace(self, screen_rule=ScreenRule.WEAKEST, algorithms=self._kinds[0])

    @property
    def most_values(self) -> int:
        """How many values of one file a screen can have at worst: when lists name its hashes in rows of their own."""
        return sum(len(kind) for kind in self._kinds)

    def odds(self, values: int = 1) -> int:
        """What somebody who holds a file can learn offline: the odds to 1 of a pass of this many of its values.

        1 where there is no screen: then everything passes.
        """
        return 1 << values * (self.screen_bits + 1) if self.screen_bits else 1

    def together(self, others: Iterable[tuple[str, "SubsetFilter"]]) -> Iterator[tuple[str, int]]:
        """Subsets for partners of other kinds of hashes, by name, and the odds to 1 for a file of who gets both."""
        for name, other in others:
            tells = self.screen_bits and other.screen_bits and not (self.holdings or other.holdings)
            if tells and self.algorithms.isdisjoint(other.algorithms):
                yield name, self.odds() * other.odds()

    def covers(self, collection: int, algorithm: Algorithm) -> bool:
        """Whether a digest of `algorithm` that is effective in `collection` belongs to the subset."""
        return collection in self.collections and algorithm in self.algorithms

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        fields: dict[int, CborValue] = {
            _FORMAT: FORMAT,
            _COLLECTIONS: sorted(self.collections),
            _ALGORITHMS: sorted(int(algorithm) for algorithm in self.algorithms),
            _SCREEN_BITS: self.screen_bits,
            _LABELS: self.labels,
        }
        if self.holdings:
            fields[_HOLDINGS] = True
        if self.screen_rule is not ScreenRule.STRONGEST:
            fields[_SCREEN_RULE] = int(self.screen_rule)
        return encode_cbor(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> "SubsetFilter":
        """Parse deterministic CBOR; raises `MalformedError`."""
        fields = Fields(data, name="filter", max_bytes=MAX_FILTER_BYTES)
        fields.number(_FORMAT, minimum=FORMAT, maximum=FORMAT)
        collections = fields.items(_COLLECTIONS, _collection)
        algorithms = fields.items(_ALGORITHMS, _algorithm)
        screen_bits = fields.number(_SCREEN_BITS, maximum=MAX_SCREEN_BITS)
        labels = fields.truth(_LABELS)
        holdings = fields.flag(_HOLDINGS)
        rule = fields.optional_number(_SCREEN_RULE, minimum=ScreenRule.WEAKEST, maximum=ScreenRule.WEAKEST)
        fields.finish()
        _check_increasing(collections)
        _check_increasing(algorithms)
        return cls(
            collections=frozenset(collections),
            algorithms=frozenset(algorithms),
            screen_bits=screen_bits,
            labels=labels,
            holdings=holdings,
            screen_rule=ScreenRule.STRONGEST if rule is None else ScreenRule(rule),
        )

    def sha256(self) -> bytes:
        """32 bytes: what the manifest says of the filter."""
        return sha256(self.to_bytes()).digest()


def _collection(value: CborValue, where: str) -> int:
    return number_of(value, where, minimum=1, maximum=PRIVATE_FROM - 1)


def _algorithm(value: CborValue, where: str) -> Algorithm:
    number = number_of(value, where, maximum=255)
    if number not in SIZES:
        raise MalformedError("{where} names an unknown algorithm", where)
    return Algorithm(number)


def _check_increasing(numbers: Sequence[int]) -> None:
    if not increasing(numbers):
        raise NotCanonicalError("filter: numbers do not increase")
