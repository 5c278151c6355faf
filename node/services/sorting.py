"""Which rows of an import are new, by look-up keys: thousands at a time, and one by one only where something repeats.

A digest is listed once for each collection. A row with digests of which the list has some is the same file seen again
with more algorithms: the new ones join its content id.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from node.formats.rows import ImportRow
from node.ports.entries import Collections, IndexHit, Keys
from node.services.seen import SeenKeys
from node.services.vault import Vault
from protocol.digest import Digest

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


@dataclass(frozen=True, slots=True)
class _Known:
    """What the index says about the keys of a chunk, in one list."""

    active: dict[tuple[int, int], int]
    """Position by (key, collection)."""
    withdrawn: frozenset[int]


class Sorter:
    """Sorts the rows of one import; `find` looks keys up, `content_id_at` reads the entry at a position."""

    def __init__(
        self,
        vault: Vault,
        find: Callable[[Keys], Sequence[IndexHit]],
        content_id_at: Callable[[int], bytes],
    ) -> None:
        self._vault = vault
        self._find = find
        self._content_id_at = content_id_at
        self._seen = SeenKeys()

    def sort(self, rows: Sequence[ImportRow]) -> Sorted:
        """Sort a chunk; rows that repeat nothing come first."""
        keys = self._vault.keys_of(digest for row in rows for digest in row.digests)
        counts = np.fromiter((len(row.digests) for row in rows), dtype=np.int64, count=len(rows))
        starts = np.cumsum(counts) - counts
        slots = _slots(keys, np.repeat(collections_of(rows), counts))
        known = self._known(keys)
        repeats = np.logical_or.reduceat(self._repeats(keys, slots, known), starts)
        sorted_ = Sorted()
        alone = np.repeat(~repeats, counts)
        sorted_.fresh += [
            Fresh(row, row.digests, b"") for row, again in zip(rows, repeats, strict=True) if not again
        ]
        sorted_.keys.append(keys[alone])
        self._seen.add(slots[alone])
        for at in np.flatnonzero(repeats).tolist():
            span = slice(int(starts[at]), int(starts[at] + counts[at]))
            self._sort_one(sorted_, rows[at], keys[span], slots[span], known)
        return sorted_

    def _known(self, keys: Keys) -> _Known:
        hits = self._find(keys)
        active = {(hit.key, hit.collection): hit.position for hit in hits if hit.ended is None}
        return _Known(active, frozenset(hit.key for hit in hits if hit.ended is not None))

    def _repeats(
        self, keys: Keys, slots: Keys, known: _Known
    ) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """For each digest, whether it needs a closer look: met before here or in the list."""
        repeats = self._seen.among(slots)
        if known.active or known.withdrawn:
            listed = {key for key, _ in known.active} | known.withdrawn
            repeats |= np.isin(keys, np.fromiter(listed, dtype=np.int64, count=len(listed)))
        _, first = np.unique(slots, return_index=True)
        if len(first) < len(slots):
            later = np.ones(len(slots), dtype=np.bool_)
            later[first] = False
            repeats |= later
        return repeats

    def _sort_one(self, sorted_: Sorted, row: ImportRow, keys: Keys, slots: Keys, known: _Known) -> None:
        places = [known.active.get((key, row.collection)) for key in keys.tolist()]
        here = [slot in self._seen for slot in slots.tolist()]
        new = [place is None and not seen for place, seen in zip(places, here, strict=True)]
        if any(
            place is None and key in known.withdrawn for place, key in zip(places, keys.tolist(), strict=True)
        ):
            sorted_.withdrawn.append(row)
        elif not any(new):
            sorted_.duplicates += any(here)
            sorted_.listed += not any(here)
        elif any(here):
            sorted_.deferred.append(row)
        else:
            listed = [place for place in places if place is not None]
            content_id = self._content_id_at(listed[0]) if listed else b""
            mask = np.array(new)
            digests = [digest for digest, is_new in zip(row.digests, new, strict=True) if is_new]
            sorted_.fresh.append(Fresh(row, digests, content_id))
            sorted_.keys.append(keys[mask])
            self._seen.add(slots[mask])


def collections_of(rows: Sequence[ImportRow]) -> Collections:
    """The collections of rows as an array."""
    return np.fromiter((row.collection for row in rows), dtype=np.int32, count=len(rows))


def _slots(keys: Keys, collections: Collections) -> Keys:
    return keys + collections.astype(np.int64) * np.int64(_SPREAD)
