"""What a release lists, digest by digest: kept sealed, for the next release of the same subset.

It saves evaluating the whole list again, and it is the *previous effective set* of the quorum: what was listed stays
while a list is stale, what is new needs fresh lists. Partners never get it. Form of a part: for each digest, algorithm
u8, number of collections u8, length u8, the digest, collections u16 each, the PRF output of 64 bytes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from struct import Struct
from typing import Final, TypeAlias

from node.errors import StoreError
from protocol.digest import Algorithm, Digest
from protocol.subset.label import OUTPUT_BYTES

PART: Final = 2**15
"""Digests in one sealed object."""
_FEW: Final = 16
"""Digests that are looked for in a part faster than its rows are stepped over."""
_HEAD: Final = Struct(">BBB")
_NOTHING: Final = bytes(_HEAD.size)
"""In the place of a row that was shredded: no algorithm, no collection, no digest."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Where a digest was effective, and its PRF output in the release's epoch."""

    collections: tuple[int, ...]
    """None for the test file."""
    output: bytes = field(repr=False)


Roster: TypeAlias = Mapping[Digest, Listed]


def previous_of(roster: Roster) -> frozenset[tuple[int, Digest]]:
    """The effective set that a roster stands for."""
    return frozenset(
        (collection, digest) for digest, listed in roster.items() for collection in listed.collections
    )


def listed_in(rosters: Iterable[Roster]) -> frozenset[tuple[int, Digest]]:
    """The effective set that several rosters stand for."""
    return frozenset(key for roster in rosters for key in previous_of(roster))


def pack_roster(roster: Roster) -> Iterator[bytes]:
    """The parts of a roster."""
    rows = iter(sorted(roster.items()))
    while part := list(islice(rows, PART)):
        yield b"".join(_pack(digest, listed) for digest, listed in part)


def count_parts(digests: int) -> int:
    """How many parts the roster of so many digests has; erasing rows changes nothing in it."""
    return -(-digests // PART)


def unpack_roster(parts: Iterator[bytes] | Sequence[bytes]) -> Roster:
    """The roster of its parts; raises `StoreError` for bytes that are none."""
    roster: dict[Digest, Listed] = {}
    for data in parts:
        for row in _rows(data):
            if row is not None:
                roster[row[0]] = row[1]
    return roster


def rows_among(data: bytes, digests: Collection[Digest]) -> Iterator[tuple[Digest, Listed]]:
    """The rows of a part that are of these digests; the others are stepped over unread."""
    if len(digests) <= _FEW and not any(digest.value in data for digest in digests):
        return
    wanted = {bytes((digest.algorithm,)) + digest.value for digest in digests}
    at = 0
    while at < len(data):
        end = _end(data, at)
        value = at + _HEAD.size
        if data[at] and data[at : at + 1] + data[value : value + data[at + 2]] in wanted:
            digest, listed, end = _unpack(data, at)
            yield digest, listed
        at = end


def erased_rows(data: bytes) -> int:
    """How many rows of a part were shredded."""
    return sum(row is None for row in _rows(data))


def erase_rows(data: bytes, is_gone: Callable[[Digest], bool]) -> bytes:
    """The part with the rows of these digests replaced by empty ones: a roster is still known to be whole."""
    return b"".join(_NOTHING if row is None or is_gone(row[0]) else _pack(*row) for row in _rows(data))


def _end(data: bytes, at: int) -> int:
    """Where the row at a place ends."""
    if data[at] == 0:
        return at + len(_NOTHING)
    if at + _HEAD.size > len(data):
        raise _damaged()
    return at + _HEAD.size + data[at + 2] + 2 * data[at + 1] + OUTPUT_BYTES


def _rows(data: bytes) -> Iterator[tuple[Digest, Listed] | None]:
    """The rows of a part; None for one that was shredded."""
    at = 0
    while at < len(data):
        if data[at] == 0:
            at += len(_NOTHING)
            yield None
            continue
        digest, listed, at = _unpack(data, at)
        yield digest, listed


def _pack(digest: Digest, listed: Listed) -> bytes:
    collections = b"".join(collection.to_bytes(2) for collection in listed.collections)
    head = _HEAD.pack(digest.algorithm, len(listed.collections), len(digest.value))
    return head + digest.value + collections + listed.output


def _unpack(data: bytes, at: int) -> tuple[Digest, Listed, int]:
    end = _end(data, at)
    if end > len(data):
        raise _damaged()
    value = at + _HEAD.size
    numbers = value + data[at + 2]
    output = end - OUTPUT_BYTES
    collections = tuple(int.from_bytes(data[n : n + 2]) for n in range(numbers, output, 2))
    return Digest(Algorithm(data[at]), data[value:numbers]), Listed(collections, data[output:end]), end


def _damaged() -> StoreError:
    return StoreError("the roster of a release is damaged", hint="restore the object folder from a backup")
