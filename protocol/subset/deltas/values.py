"""From one release's values to the next: which places go, which values come.

`2 000` additions to and `200` removals from a million values take 6 kB. Equal values are told apart by their rank
in the run of equals, so both sides agree on which places stay, and labels can follow them. A delta is applied to
values that are already verified, and its result is verified against the manifest's root: a wrong delta costs a
full download and nothing else. Widths never change by a delta. Spec: docs/spec/subset.md, section "Deltas".
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocol import limits
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.subset.rice import U64Array, decode_sorted, encode_sorted
from protocol.subset.sets import bound_of

_HEAD: Final = Struct(">III")  # removed, added, bytes of the removed indices' code


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How two sorted sequences correspond; places not named stay, in order."""

    removed: U64Array
    """Indices into the old sequence, increasing."""
    inserted: U64Array
    """Indices into the new sequence, increasing."""


def align(old: U64Array, new: U64Array) -> Alignment:
    """The correspondence that keeps the most: of `n` equal values the first `min(n_old, n_new)` stay."""
    return Alignment(removed=_surplus(old, new), inserted=_surplus(new, old))


def encode_delta(old: U64Array, new: U64Array, width: int) -> bytes:
    """The delta that turns `old` into `new`, both sorted and of `width` bits."""
    alignment = align(old, new)
    removed = encode_sorted(alignment.removed, len(old)) if len(old) else b""
    added = encode_sorted(new[alignment.inserted], bound_of(width))
    return _HEAD.pack(len(alignment.removed), len(alignment.inserted), len(removed)) + removed + added


def apply_delta(old: U64Array, data: bytes, width: int) -> U64Array:
    """`old` without the removed places and with the added values, sorted.

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
    added = decode_sorted(data[split:], count=n_added, bound=bound_of(width))
    removed = decode_sorted(data[_HEAD.size : split], count=n_removed, bound=max(len(old), 1))
    kept = np.delete(old, removed)
    new = np.insert(kept, np.searchsorted(kept, added), added)
    if encode_delta(old, new, width) != data:
        raise NotCanonicalError("delta: not the one between these values")
    return new


def kept_places(count: int, gone: U64Array) -> NDArray[np.intp]:
    """Indices below `count` that are not in `gone`."""
    stays = np.ones(count, dtype=np.bool_)
    stays[gone] = False
    return np.flatnonzero(stays)


def _surplus(values: U64Array, other: U64Array) -> U64Array:
    """Indices of `values` whose rank among their equals is not below the number of those equals in `other`."""
    rank = np.arange(len(values)) - np.searchsorted(values, values, side="left")
    matches = np.searchsorted(other, values, side="right") - np.searchsorted(other, values, side="left")
    return np.flatnonzero(rank >= matches).astype(np.uint64)
