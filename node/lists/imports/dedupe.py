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

from keys.message import Message
from node.formats.rows import ImportRow
from node.lists.collisions import contradiction
from node.lists.guards import RowGuard
from node.lists.imports.seen_keys import SeenKeys
from node.store.lists.columns import Collections, Keys
from node.store.lists.records import IndexHit
from node.store.vault import Vault
from protocol.digest import Digest
from protocol.lists.ext import CONTENT_ID_BYTES

Mask = NDArray[np.bool_]

WITHDRAWN: Final = Message("a digest of this row was withdrawn from the list, or the list disputes it")

_SPREAD: Final = 0x9E3779B97F4A7C15 - 2**64
"""Odd, so that (key, collection) gets its own 64-bit slot: two collections of one digest are two entries."""


class Fresh(NamedTuple):
    """A row with what of it is new; without a content id it gets its own."""

    row: ImportRow
    digests: Sequence[Digest]
    content_id: bytes


class SetAside(NamedTuple):
    """A row that is not imported until a person has let it pass, why, and its look-up keys."""

    row: ImportRow
    reason: str
    keys: Sequence[int]


@dataclass(slots=True)
class Sorted:
    """What a chunk of rows came to."""

    fresh: list[Fresh] = field(default_factory=list)
    keys: list[Keys] = field(default_factory=list)
    """Look-up keys of the fresh digests, in their order."""
    listed: int = 0
    duplicates: int = 0
    aside: list[SetAside] = field(default_factory=list)
    """Rows that a person has to look at first."""
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


ContentIdAt = Callable[[int], bytes]
"""The content id of the entry at a position; empty when it has none."""


class Sorter:
    """Sorts the rows of one import, thousands at a time."""

    def __init__(self, vault: Vault, log_id: int, judge: RowGuard, content_id_at: ContentIdAt) -> None:
        self._vault = vault
        self._log_id = log_id
        self._judge = judge
        self._content_id_at = content_id_at
        self._seen = SeenKeys()
        self._contested: set[int] = set()

    def sort(self, rows: Sequence[ImportRow]) -> Sorted:
        """Sort a chunk; rows that repeat nothing come first."""
        keys = self._vault.keys_of(digest for row in rows for digest in row.digests)
        counts = np.fromiter((len(row.digests) for row in rows), dtype=np.int64, count=len(rows))
        starts = np.cumsum(counts) - counts
        slots = _slots(keys, np.repeat(collections_of(rows), counts))
        hits = self._judge.find(keys)
        known = _known(hits, self._log_id, self._judge)
        aside = self._judge.judge(rows, keys, starts, hits)
        repeats = np.logical_or.reduceat(self._repeats(keys, slots, known), starts)
        repeats[list(aside)] = True
        sorted_ = Sorted()
        alone = np.repeat(~repeats, counts)
        new = compress(rows, (~repeats).tolist()) if repeats.any() else rows
        sorted_.fresh += [Fresh(row, row.digests, b"") for row in new]
        sorted_.keys.append(keys[alone])
        self._seen.add(slots[alone])
        for at in np.flatnonzero(repeats).tolist():
            span = slice(int(starts[at]), int(starts[at] + counts[at]))
            if at in aside:
                sorted_.aside.append(SetAside(rows[at], aside[at], keys[span].tolist()))
            else:
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
            sorted_.aside.append(SetAside(row, WITHDRAWN, keys.tolist()))
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

    def __init__(self, vault: Vault, log_id: int, judge: RowGuard, content_id_at: ContentIdAt) -> None:
        self._vault = vault
        self._log_id = log_id
        self._judge = judge
        self._content_id_at = content_id_at
        self._ids: dict[int, bytes] = {}
        self._taken: dict[bytes, list[Digest]] = {}
        """What this sorter took, by content id."""

    def sort(self, rows: Sequence[ImportRow]) -> Sorted:
        """Sort a chunk, in its order."""
        sorted_ = Sorted()
        keys = self._vault.keys_of(digest for row in rows for digest in row.digests)
        counts = np.fromiter((len(row.digests) for row in rows), dtype=np.int64, count=len(rows))
        starts = np.cumsum(counts) - counts
        hits = self._judge.find(keys)
        known = _known(hits, self._log_id, self._judge)
        aside = self._judge.judge(rows, keys, starts, hits)
        for at, row in enumerate(rows):
            own = keys[starts[at] : starts[at] + counts[at]]
            reason = aside.get(at) or self._sort_one(sorted_, row, own, known)
            if reason is not None:
                sorted_.aside.append(SetAside(row, reason, own.tolist()))
        return sorted_

    def _sort_one(self, sorted_: Sorted, row: ImportRow, keys: Keys, known: _Known) -> str | None:
        """Take what is new of a row, or say why it is set aside."""
        slots = _slots(keys, np.full(len(keys), row.collection, dtype=np.int32)).tolist()
        places = known.places(row, keys)
        new = np.array(
            [place is None and slot not in self._ids for place, slot in zip(places, slots, strict=True)]
        )
        if known.has_withdrawn(keys, places):
            return WITHDRAWN
        if not new.any():
            sorted_.duplicates += 1
            return None
        ids = [self._ids[slot] for slot in slots if slot in self._ids]
        ids += [self._content_id_at(place) for place in places if place is not None]
        content_id = next((item for item in ids if item), b"") or self._vault.entropy(CONTENT_ID_BYTES)
        reason = self._contradiction(row, content_id)
        if reason is None:
            sorted_.take(row, keys, new, content_id)
            self._ids.update((slot, content_id) for slot, is_new in zip(slots, new, strict=True) if is_new)
            self._taken.setdefault(content_id, []).extend(sorted_.fresh[-1].digests)
        return reason

    def _contradiction(self, row: ImportRow, content_id: bytes) -> str | None:
        """Whether the row would join a file of this import that another digest tells apart from its own."""
        taken = self._taken.get(content_id, ())
        return next(filter(None, (contradiction(digest, row.digests, taken) for digest in row.digests)), None)


def collections_of(rows: Sequence[ImportRow]) -> Collections:
    """The collections of rows as an array."""
    return np.fromiter((row.collection for row in rows), dtype=np.int32, count=len(rows))


def _known(hits: Sequence[IndexHit], log_id: int, judge: RowGuard) -> _Known:
    """What is listed; what may not be: withdrawn before, or disputed (a negative collection) until it is resolved."""
    own = [hit for hit in hits if hit.log_id == log_id]
    active = {(hit.key, hit.collection): hit.position for hit in own if hit.ended is None}
    withdrawn = frozenset(hit.key for hit in own if (hit.ended is None) == (hit.collection < 0))
    return _Known(active, withdrawn - judge.let_pass(withdrawn) if withdrawn else withdrawn)


def _slots(keys: Keys, collections: Collections) -> Keys:
    return keys + collections.astype(np.int64) * np.int64(_SPREAD)
