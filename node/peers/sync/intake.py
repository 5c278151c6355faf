"""What newly pulled events mean for the catalogue: look-up rows, endings, deletions, and what the guards set aside.

The guards stop a peer whose key was stolen, or whose import went wrong, from changing this node's releases before
somebody has looked: more additions, withdrawals or disputes a day than agreed, digests that say nothing about a file,
that are known to be lawful, or that stand for two files. What they set aside is held and shown, and the quorum leaves
it out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keys.message import Message
from node.lists.changes import digest_of
from node.lists.collisions import Arrivals, Columns, Pairs
from node.lists.openings import ContentIds, OpeningColumns, content_id_in, content_ids_of
from node.lists.pace import Changes, FollowGuards, Places, Record, beyond
from node.lists.touches import runs_of, touches_of
from node.store.lists.columns import Collections, Keys, Positions
from node.store.lists.records import LogRecord, Quarantined, Shredding, Touch
from node.store.unit import Unit
from node.store.vault import Vault
from protocol.digest import degenerate
from protocol.limits import EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import Header, Op

__all__ = ["EventIntake", "FollowGuards", "OpenFile", "Taken", "guard", "set_aside"]

_MOST_RECORDS: Final = 1000
_TOO_MANY: Final = Message("too many entries that the guards set aside")
_CARRYING: Final = frozenset({Op.ADD, Op.DISPUTE})
_ENDING: Final = frozenset({Op.WITHDRAW, Op.RESOLVE})
_KIND_BYTES: Final = 8
"""Of a header: what comes before its time."""

Suspect = tuple[int, str]
"""Position of an entry, and why it is set aside."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The file that the last of some events belong to: those behind them may bring more of its digests."""

    content_id: bytes = field(default=b"", repr=False)
    """Empty: nothing that follows belongs to it."""
    firsts: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """By algorithm, look-up key and position of its first entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What some neighbouring events mean, as arrays."""

    keys: Keys
    """Of the look-up rows, ascending; with them `positions` and `collections`."""
    positions: Positions
    collections: Collections
    """Negated for a dispute."""
    pairs: tuple[Pairs, ...]
    ended: NDArray[np.int64]
    """Rows of look-up key and position of what is ended, and position of what ends it first."""
    touches: NDArray[np.int64]
    """A row for each `Touch`."""
    runs: NDArray[np.int64]
    """Rows of `FileRun`."""
    shreds: NDArray[np.int64]
    """Rows of positions whose openings are to be deleted, and of the events that ask for it."""
    adds: Positions
    withdrawals: Positions
    disputes: Positions
    suspects: tuple[Suspect, ...]
    """Entries that say nothing about a file."""
    file: OpenFile

    def arrivals(self) -> Arrivals:
        """The new entries whose digests are held."""
        entries = self.collections > 0
        return Arrivals(self.keys[entries], self.positions[entries], self.pairs)

    def rows(self) -> list[tuple[int, int]]:
        """Key and position of every digest."""
        return list(zip(self.keys.tolist(), self.positions.tolist(), strict=True))

    def write(self, unit: Unit, log_id: int) -> None:
        """Index rows and files, and what `mark` does."""
        unit.entries.add(log_id, keys=self.keys, positions=self.positions, collections=self.collections)
        unit.file_runs.put(log_id, self.runs)
        self.mark(unit, log_id)

    def mark(self, unit: Unit, log_id: int) -> None:
        """Endings, touches and deletions, of rows that are there."""
        unit.entries.end(log_id, {(key, position): by for key, position, by in self.ended.tolist()})
        unit.touches.put(log_id, map(Touch._make, self.touches.tolist()))
        shreds = self.shreds.tolist()
        unit.shreddings.add([Shredding(log_id=log_id, position=ref, by=by) for ref, by in shreds])


@dataclass(slots=True)
class EventIntake:
    """Collects what neighbouring events bring, some at a time."""

    vault: Vault
    first: int
    file: OpenFile = field(default_factory=OpenFile)
    """Of the events before."""
    _digests: list[Columns] = field(default_factory=list)
    _collections: list[Collections] = field(default_factory=list)
    _adds: list[Positions] = field(default_factory=list)
    _runs: list[NDArray[np.int64]] = field(default_factory=list)
    _touches: list[Touch] = field(default_factory=list)
    _suspect: list[Suspect] = field(default_factory=list)
    _ended: dict[int, int] = field(default_factory=dict)
    _withdrawals: list[int] = field(default_factory=list)
    _disputes: list[int] = field(default_factory=list)
    _shreds: list[tuple[int, int]] = field(default_factory=list)
    _last: bytes = b""
    """The content id that the last digest came with, as one of `ContentIds`."""
    _number: int = 0

    def __post_init__(self) -> None:
        self._last = content_ids_of([self.file.content_id])[0]
        self.take(self.first, [], [])  # of nothing there are columns, too

    def take(self, position: int, events: Sequence[bytes], openings: Sequence[bytes]) -> None:
        """Take in verified events from `position` on; an empty opening is one that is not held."""
        columns, kinds = OpeningColumns(openings), _Kinds.of(events)
        places = np.arange(position, position + len(events))
        adds = kinds.known & (kinds.ops == Op.ADD)
        self._adds.append(places[adds])
        for at in np.flatnonzero(kinds.known & ~adds).tolist():
            self._note(position + at, Header.from_bytes(events[at][:HEADER_BYTES]))
        carrying = kinds.known & kinds.carrying & (columns.algorithms > 0)
        self._digests.append(
            Columns(
                columns.keys(self.vault)[carrying],
                places[carrying],
                columns.algorithms[carrying],
                self._files_of(columns.content_ids[carrying]),
            )
        )
        self._collections.append(np.where(adds, kinds.collections, -kinds.collections)[carrying])
        for at in np.flatnonzero(adds & carrying & columns.suspicious).tolist():
            digest = digest_of(openings[at])
            reason = degenerate(digest) if digest is not None else None
            if reason is not None:
                self._suspect.append((position + at, reason))
        self._touches += touches_of(position, events, columns)
        self._runs.append(runs_of(self.vault, position, columns.content_ids))

    def older(self, about: Iterable[Touch]) -> None:
        """What was taken is not new, but opened late: `about` it is what came since; deletions were asked for then."""
        taken = frozenset(np.concatenate([each.positions for each in self._digests]).tolist())
        self._ended.clear()
        for touch in about:
            if touch.op in _ENDING and touch.ref in taken:
                self._ended.setdefault(touch.ref, touch.position)
        self._shreds.clear()

    def older_refs(self) -> list[int]:
        """Positions from before these events that they end."""
        return [ref for ref in self._ended if ref < self.first]

    def taken(self, older_keys: Mapping[int, int]) -> Taken:
        """What it all means; `older_keys` are the look-up keys of `older_refs` as far as they are known."""
        columns = Columns.joined(self._digests)
        keys, positions = columns.keys, columns.positions
        collections = np.concatenate(self._collections)
        pairs, file = self._about_files(columns, collections > 0)
        order = np.argsort(keys, kind="stable")
        return Taken(
            keys=keys[order],
            positions=positions[order],
            collections=collections[order],
            pairs=pairs,
            ended=self._endings(keys, positions, older_keys),
            touches=np.array(self._touches, dtype=np.int64).reshape(-1, len(Touch._fields)),
            runs=np.concatenate(self._runs),
            shreds=np.array(self._shreds, dtype=np.int64).reshape(-1, 2),
            adds=np.concatenate(self._adds),
            withdrawals=np.array(self._withdrawals, dtype=np.int64),
            disputes=np.array(self._disputes, dtype=np.int64),
            suspects=tuple(self._suspect),
            file=file,
        )

    def _endings(self, keys: Keys, positions: Positions, older_keys: Mapping[int, int]) -> NDArray[np.int64]:
        rows = []
        for ref, by in self._ended.items():
            key = older_keys.get(ref) if ref < self.first else _key_at(keys, positions, ref)
            if key is not None:
                rows.append((key, ref, by))
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    def _about_files(
        self, digests: Columns, entries: NDArray[np.bool_]
    ) -> tuple[tuple[Pairs, ...], OpenFile]:
        """The pairs that these events complete, and the file that may go on behind them."""
        before = [(key, position, kind, 0) for kind, (key, position) in self.file.firsts.items()]
        known = np.array(before, dtype=np.int64).reshape(-1, 4).T
        columns = Columns(
            np.concatenate([known[0], digests.keys[entries]]),
            np.concatenate([known[1], digests.positions[entries]]),
            np.concatenate([known[2].astype(np.int8), digests.algorithms[entries]]),
            np.concatenate([known[3], digests.files[entries]]),
        )
        pairs = tuple(map(self._new, Pairs.all_of(columns)))
        last = np.flatnonzero(columns.files == self._number)
        kinds, at = np.unique(columns.algorithms[last], return_index=True)
        rows = zip(
            kinds.tolist(), columns.keys[last[at]].tolist(), columns.positions[last[at]].tolist(), strict=True
        )
        firsts = {kind: (key, position) for kind, key, position in rows} if self._last else {}
        return pairs, OpenFile(content_id_in(self._last), firsts)

    def _new(self, pairs: Pairs) -> Pairs:
        """Without the one that was complete before these events."""
        if not set(self.file.firsts) >= {pairs.weak, pairs.stronger}:
            return pairs
        new = pairs.positions >= self.first
        columns = pairs.weak_keys[new], pairs.positions[new], pairs.stronger_keys[new]
        return Pairs(pairs.weak, pairs.stronger, *columns)

    def _files_of(self, content_ids: ContentIds) -> NDArray[np.int64]:
        """The number of the file of each digest: neighbours with one content id have the same."""
        before = np.concatenate([[self._last], content_ids])
        numbers = self._number + np.cumsum((content_ids == b"") | (content_ids != before[:-1]))
        self._last, self._number = before[-1], int(numbers[-1]) if len(numbers) else self._number
        return numbers

    def _note(self, position: int, header: Header) -> None:
        if header.op == Op.WITHDRAW:
            self._withdrawals.append(position)
        if header.op == Op.DISPUTE:
            self._disputes.append(position)
        if header.op in _ENDING:
            self._ended.setdefault(header.ref, position)
        if header.shreds:
            self._shreds.append((header.ref, position))


def guard(
    unit: Unit,
    log: LogRecord,
    changes: Changes,
    guards: FollowGuards,
    *,
    suspects: Iterable[Suspect],
    now_ms: int,
) -> int:
    """Set aside what the guards do not let pass, and count this pull; returns the number of records.

    `log` is as it stood before.
    """
    records = _suspected(suspects, changes.adds)
    if records and len(unit.quarantine.ls(log.id)) >= _MOST_RECORDS:
        records = [("add", changes.adds[0], changes.adds[-1], _TOO_MANY)]
    records += beyond(unit, log, changes, guards, now_ms=now_ms)
    unit.quarantine.add(_quarantined(log, records, now_ms))
    return len(records)


def set_aside(unit: Unit, log: LogRecord, adds: Places, *, suspects: Iterable[Suspect], now_ms: int) -> int:
    """Set aside what the guards find in older entries that were opened late; they were counted when they came.

    Where a flood of records waits already, each further bundle has one.
    """
    records = _suspected(suspects, adds)
    if not records:
        return 0
    aside = {(one.kind, one.first, one.last, one.reason) for one in unit.quarantine.ls(log.id)}
    if len(aside) >= _MOST_RECORDS:
        records = [("add", int(adds[0]), int(adds[-1]), _TOO_MANY)]
    records = [record for record in records if record not in aside]
    unit.quarantine.add(_quarantined(log, records, now_ms))
    return len(records)


def _quarantined(log: LogRecord, records: Sequence[Record], now_ms: int) -> list[Quarantined]:
    return [
        Quarantined(log_id=log.id, kind=kind, first=first, last=last, reason=reason, created_ms=now_ms)
        for kind, first, last, reason in records
    ]


def _suspected(suspects: Iterable[Suspect], adds: Places) -> list[Record]:
    """Neighbours with one reason share a record; a flood of them ends in one record to the end of the pull."""
    records: list[Record] = []
    for position, reason in dict(sorted(suspects)).items():
        if records and records[-1][2] == position - 1 and records[-1][3] == reason:
            records[-1] = ("add", records[-1][1], position, reason)
        elif len(records) == _MOST_RECORDS:
            records.append(("add", position, int(adds[-1]), _TOO_MANY))
            break
        else:
            records.append(("add", position, position, reason))
    return records


def _key_at(keys: Keys, positions: Positions, position: int) -> int | None:
    at = int(np.searchsorted(positions, position))
    return int(keys[at]) if at < len(positions) and positions[at] == position else None


@dataclass(frozen=True, slots=True)
class _Kinds:
    """What the headers of events say of their kinds, as arrays of one length."""

    known: NDArray[np.bool_]
    ops: NDArray[np.int64]
    collections: Collections
    carrying: NDArray[np.bool_]
    """Whether a digest belongs to it."""

    @classmethod
    def of(cls, events: Sequence[bytes]) -> "_Kinds":
        """Few kinds are different, and one event of each is read."""
        rows = np.frombuffer(b"".join(events), dtype=np.uint8).reshape(-1, EVENT_BYTES)
        kinds = rows[:, :_KIND_BYTES].copy().view(np.uint64)[:, 0]
        _, firsts, at = np.unique(kinds, return_index=True, return_inverse=True)
        headers = [Header.from_bytes(events[first][:HEADER_BYTES]) for first in firsts.tolist()]
        return cls(
            known=np.array([header.known for header in headers], dtype=np.bool_)[at],
            ops=np.array([header.op for header in headers], dtype=np.int64)[at],
            collections=np.array([header.collection for header in headers], dtype=np.int32)[at],
            carrying=np.array([header.op in _CARRYING for header in headers], dtype=np.bool_)[at],
        )
