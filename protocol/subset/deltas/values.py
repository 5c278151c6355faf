"""From one release's values to the next: which places go, which values come.

`2 000` additions to and `200` removals from a million values take 6 kB. Equal values are told apart by their rank
in the run of equals, so both sides agree on which places stay, and labels can follow them. A delta is applied to
values that are already verified, and its result is verified against the manifest's root: a wrong delta costs a
full download and nothing else. Widths never change by a delta. Both sequences are gone through in stretches, which
part no equal values: so a delta is applied in memory that does not grow with the list. Spec: docs/spec/subset.md,
section "Deltas".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol import limits
from protocol.encoding import Octets
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.subset.rice import BLOCK, U64Array, decode_sorted, encode_sorted
from protocol.subset.sets import bound_of

NOTHING: Final[U64Array] = np.empty(0, dtype=np.uint64)
_HEAD: Final = Struct(">III")  # removed, added, bytes of the removed indices' code


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How two sorted sequences correspond; places not named stay, in order."""

    removed: U64Array
    """Indices into the old sequence, increasing."""
    inserted: U64Array
    """Indices into the new sequence, increasing."""


class Difference(NamedTuple):
    """What turns one sorted sequence into another."""

    removed: U64Array
    """Indices into the old sequence, increasing: of equal values that are not all removed the last."""
    added: U64Array
    """Values, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of two sorted sequences between two values, and how it corresponds: places count from its start."""

    old: slice
    new: slice
    alignment: Alignment


def stretches(old: U64Array, new: U64Array) -> Iterator[Stretch]:
    """The correspondence that keeps the most: of `n` equal values the first `min(n_old, n_new)` stay."""
    for here, there in _together(old, new):
        yield Stretch(old=here, new=there, alignment=_aligned(old[here], new[there]))


def align(old: U64Array, new: U64Array) -> Alignment:
    """The same correspondence, as a whole."""
    removed, inserted = [NOTHING], [NOTHING]
    for stretch in stretches(old, new):
        removed.append(stretch.alignment.removed + np.uint64(stretch.old.start))
        inserted.append(stretch.alignment.inserted + np.uint64(stretch.new.start))
    return Alignment(removed=np.concatenate(removed), inserted=np.concatenate(inserted))


def difference(old: U64Array, new: U64Array) -> Difference:
    """What turns `old` into `new`, both sorted."""
    alignment = align(old, new)
    return Difference(alignment.removed, new[alignment.inserted])


def encode_delta(old: U64Array, new: U64Array, width: int) -> bytes:
    """The delta that turns `old` into `new`, both sorted and of `width` bits."""
    return write_delta(difference(old, new), len(old), width)


def write_delta(change: Difference, count: int, width: int) -> bytes:
    """The delta that changes `count` values of `width` bits like this."""
    removed = encode_sorted(change.removed, count) if count else b""
    added = encode_sorted(change.added, bound_of(width))
    return _HEAD.pack(len(change.removed), len(change.added), len(removed)) + removed + added


def apply_delta(old: U64Array, data: Octets, width: int) -> Iterator[U64Array]:
    """`old` without the removed places and with the added values, sorted, block by block.

    Raises `MalformedError` for bytes that are not a delta of `old`, `NotCanonicalError` for another delta than
    the one between `old` and the result, `TooLargeError` for more values than a release may have.
    """
    if len(data) < _HEAD.size:
        raise MalformedError("delta: shorter than its head")
    n_removed, n_added, removed_bytes = _HEAD.unpack_from(data)
    if n_removed > len(old):
        raise MalformedError("delta: removes more values than there are")
    if len(old) - n_removed + n_added > limits.MAX_SET_VALUES:
        raise TooLargeError("delta: leads to more than {most} values", limits.MAX_SET_VALUES)
    split = _HEAD.size + removed_bytes
    if split > len(data):
        raise MalformedError("delta: shorter than its removed places")
    added = decode_sorted(data[split:], count=n_added, bound=bound_of(width))
    removed = decode_sorted(data[_HEAD.size : split], count=n_removed, bound=max(len(old), 1))
    for here, there in _together(old, added):
        first, last = np.searchsorted(removed, np.array([here.start, here.stop], dtype=np.uint64))
        yield _changed(old[here], removed[first:last] - np.uint64(here.start), added[there])


def _changed(values: U64Array, removed: U64Array, added: U64Array) -> U64Array:
    if len(removed) == len(added) == 0:
        return values
    kept = np.delete(values, removed)
    new = np.insert(kept, np.searchsorted(kept, added), added)
    found = _aligned(values, new)
    _check_canonical(np.array_equal(found.removed, removed) and np.array_equal(new[found.inserted], added))
    return new


def _check_canonical(holds: bool) -> None:  # noqa: FBT001 - a condition to test, not an option
    if not holds:
        raise NotCanonicalError("delta: not the one between these values")


def kept_places(count: int, gone: U64Array) -> NDArray[np.intp]:
    """Indices below `count` that are not in `gone`."""
    stays = np.ones(count, dtype=np.bool_)
    stays[gone] = False
    return np.flatnonzero(stays)


def _together(one: U64Array, other: U64Array) -> Iterator[tuple[slice, slice]]:
    """Pieces of two sorted sequences, in order, that cover both and part no equal values."""
    a = b = 0
    while a < len(one) or b < len(other):
        ends = [values[at + BLOCK] for values, at in ((one, a), (other, b)) if at + BLOCK < len(values)]
        if not ends:
            yield slice(a, len(one)), slice(b, len(other))
            return
        end = min(ends)
        heads = [values[at] for values, at in ((one, a), (other, b)) if at < len(values)]
        # More equal ones than a block.
        side: Literal["left", "right"] = "left" if min(heads) < end else "right"
        reached = a + int(one[a:].searchsorted(end, side)), b + int(other[b:].searchsorted(end, side))
        yield slice(a, reached[0]), slice(b, reached[1])
        a, b = reached


def _aligned(old: U64Array, new: U64Array) -> Alignment:
    if np.array_equal(old, new):
        return Alignment(removed=NOTHING, inserted=NOTHING)
    return Alignment(removed=_surplus(old, new), inserted=_surplus(new, old))


def _surplus(values: U64Array, other: U64Array) -> U64Array:
    """Indices of `values` whose rank among their equals is not below the number of those equals in `other`."""
    rank = np.arange(len(values)) - np.searchsorted(values, values, side="left")
    matches = np.searchsorted(other, values, side="right") - np.searchsorted(other, values, side="left")
    return np.flatnonzero(rank >= matches).astype(np.uint64)
