"""Which rows of an import are new, by look-up keys: thousands at a time, and one by one only where something repeats.

A digest is listed once for each collection. A row with digests of which the list has some is the same file seen again
with more algorithms: the new ones join its content id.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from node.formats.rows import ImportRow
from node.ports.entries import Collections, IndexHit, Keys
from node.services.seen import SeenKeys
from node.services.vault import Vault
from protocol.digest import Digest
from protocol.ext import CONTENT_ID_BYTES

Mask = NDArray[np.bool_]

_SPREAD: Final = 0x9E3779B97F4A7C15 - 2**64
"""Odd, so that (key, collection) gets its own 64-bit slot: two collections of one digest are two entries."""


class Fresh(NamedTuple):
    """A row with what of it is new; without a content id it gets its own."""

    row: ImportRow
    digests: Sequence[Digest]
    content_id: bytes


@dataclass(slots=True)
class Sorted:
    """What a chunk of rows came to."""

    fresh: list[Fresh] = field(default_factory=list)
    keys: list[Keys] = field(default_factory=list)
    """Look-up keys of the fresh digests, in their order."""
    listed: int = 0
    duplicates: int = 0
    withdrawn: list[ImportRow] = field(default_factory=list)
    """Rows with a digest that this list withdrew before."""
    deferred: list[ImportRow] = field(default_factory=list)
    """Rows that share digests with an earlier row of this import: sorted again when that one is listed."""

    def take(self, row: ImportRow, keys: Keys, new: Mask, content_id: bytes) -> None:
        """Accept the new digests of a row."""
        digests = [digest for digest, is_new in zip(row.digests, new, strict=True) if is_new]
        self.fresh.append(Fresh(row, digests, content_id))
        self.keys.append(keys[new])


@dataclass(frozen=True, slots=True)
class _Known:
    """What the index says about the keys of a chunk, in one list."""

    active: dict[tuple[int, int], int]
    """Position by (key, collection)."""
    withdrawn: frozenset[int]

    def places(self, row: ImportRow, keys: Keys) -> list[int | None]:
        """Where the list has each digest of a row, in the row's collection."""
        return [self.active.get((key, row.collection)) for key in keys.tolist()]

    def has_withdrawn(self, keys: Keys, places: Sequence[int | None]) -> bool:
        """Whether the row would list a digest again that was withdrawn."""
        return any(
            place is None and key in self.withdrawn for place, key in zip(places, keys.tolist(), strict=True)
        )


Find = Callable[[Keys], Sequence[IndexHit]]
"""Looks keys up in the list."""
ContentIdAt = Callable[[int], bytes]
"""The content id of the entry at a position; empty when it has none."""


class Sorter:
    """Sorts the rows of one import, thousands at a time."""

    def __init__(self, vault: Vault, find: Find, content_id_at: ContentIdAt) -> None:
        self._vault = vault
        self._find = find
        self._content_id_at = content_id_at
        self._seen = SeenKeys()
        self._contested: set[int] = set()

    def sort(self, rows: Sequence[ImportRow]) -> Sorted:
        """Sort a chunk; rows that repeat nothing come first."""
        keys = self._vault.keys_of(digest for row in rows for digest in row.digests)
        counts = np.fromiter((len(row.digests) for row in rows), dtype=np.int64, count=len(rows))
        starts = np.cumsum(counts) - counts
        slots = _slots(keys, np.repeat(collections_of(rows), counts))
        known = _known(self._find(keys))
        repeats = np.logical_or.reduceat(self._repeats(keys, slots, known), starts)
        sorted_ = Sorted()
        alone = np.repeat(~repeats, counts)
        new = compress(rows, (~repeats).tolist()) if repeats.any() else rows
        sorted_.fresh += [Fresh(row, row.digests, b"") for row in new]
        sorted_.keys.append(keys[alone])
        self._seen.add(slots[alone])
        for at in np.flatnonzero(repeats).tolist():
            span = slice(int(starts[at]), int(starts[at] + counts[at]))
            self._sort_one(sorted_, rows[at], keys[span], slots[span], known)
        return sorted_

    def _repeats(self, keys: Keys, slots: Keys, known: _Known) -> Mask:
        """For each digest, whether it needs a closer look: met before here or in the list."""
        repeats = self._seen.among(slots)
        if known.active or known.withdrawn:
            listed = {key for key, _ in known.active} | known.withdrawn
            repeats |= np.isin(keys, np.fromiter(listed, dtype=np.int64, count=len(listed)))
        if self._contested:
            repeats |= np.fromiter((s in self._contested for s in slots.tolist()), np.bool_, count=len(slots))
        _, first = np.unique(slots, return_index=True)
        if len(first) < len(slots):
            later = np.ones(len(slots), dtype=np.bool_)
            later[first] = False
            repeats |= later
        return repeats

    def _sort_one(self, sorted_: Sorted, row: ImportRow, keys: Keys, slots: Keys, known: _Known) -> None:
        places = known.places(row, keys)
        here = [slot in self._seen for slot in slots.tolist()]
        if any(slot in self._contested for slot in slots.tolist()):
            self._defer(sorted_, row, slots)
        elif known.has_withdrawn(keys, places):
            sorted_.withdrawn.append(row)
        elif all(place is not None or seen for place, seen in zip(places, here, strict=True)):
            sorted_.duplicates += any(here)
            sorted_.listed += not any(here)
        elif any(here):
            self._defer(sorted_, row, slots)
        else:
            content_id = next((self._content_id_at(place) for place in places if place is not None), b"")
            mask = np.array([place is None for place in places])
            sorted_.take(row, keys, mask, content_id)
            self._seen.add(slots[mask])

    def _defer(self, sorted_: Sorted, row: ImportRow, slots: Keys) -> None:
        """Later rows that share digests with a deferred one wait with it: they may all be one file."""
        sorted_.deferred.append(row)
        self._contested.update(slots.tolist())


class JoiningSorter:
    """Sorts deferred rows one by one, when the rows they share digests with are listed; defers nothing."""

    def __init__(self, vault: Vault, find: Find, content_id_at: ContentIdAt) -> None:
        self._vault = vault
        self._find = find
        self._content_id_at = content_id_at
        self._ids: dict[int, bytes] = {}

    def sort(self, rows: Sequence[ImportRow]) -> Sorted:
        """Sort a chunk, in its order."""
        sorted_ = Sorted()
        known = _known(self._find(self._vault.keys_of(digest for row in rows for digest in row.digests)))
        for row in rows:
            self._sort_one(sorted_, row, known)
        return sorted_

    def _sort_one(self, sorted_: Sorted, row: ImportRow, known: _Known) -> None:
        keys = self._vault.keys_of(row.digests)
        slots = _slots(keys, np.full(len(keys), row.collection, dtype=np.int32)).tolist()
        places = known.places(row, keys)
        new = np.array(
            [place is None and slot not in self._ids for place, slot in zip(places, slots, strict=True)]
        )
        if known.has_withdrawn(keys, places):
            sorted_.withdrawn.append(row)
        elif not new.any():
            sorted_.duplicates += 1
        else:
            ids = [self._ids[slot] for slot in slots if slot in self._ids]
            ids += [self._content_id_at(place) for place in places if place is not None]
            content_id = next((item for item in ids if item), b"") or self._vault.entropy(CONTENT_ID_BYTES)
            sorted_.take(row, keys, new, content_id)
            self._ids.update((slot, content_id) for slot, is_new in zip(slots, new, strict=True) if is_new)


def collections_of(rows: Sequence[ImportRow]) -> Collections:
    """The collections of rows as an array."""
    return np.fromiter((row.collection for row in rows), dtype=np.int32, count=len(rows))


def _known(hits: Sequence[IndexHit]) -> _Known:
    """What is listed; what may not be: withdrawn before, or disputed (a negative collection) until it is resolved."""
    active = {(hit.key, hit.collection): hit.position for hit in hits if hit.ended is None}
    return _Known(active, frozenset(hit.key for hit in hits if (hit.ended is None) == (hit.collection < 0)))


def _slots(keys: Keys, collections: Collections) -> Keys:
    return keys + collections.astype(np.int64) * np.int64(_SPREAD)
