"""What newly pulled events mean for the catalogue: look-up rows, endings, deletions, and what the guards set aside.

The guards stop a peer whose key was stolen, or whose import went wrong, from changing this node's releases before
somebody has looked: more additions, withdrawals or disputes a day than agreed, digests that say nothing about a file,
that are known to be lawful, or that stand for two files. What they set aside is held and shown, and the quorum leaves
it out.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keys.message import Message
from node.lists.changes import content_id_of, digest_of
from node.lists.collisions import Arrivals, Columns, Pairs
from node.lists.pace import Changes, FollowGuards, Places, Record, beyond
from node.lists.touches import runs_of, touches_of
from node.store.lists.columns import Collections, Keys, Positions
from node.store.lists.records import FileRun, LogRecord, Quarantined, Shredding, Touch
from node.store.unit import Unit
from node.store.vault import Vault
from protocol.digest import Digest, degenerate
from protocol.limits import HEADER_BYTES
from protocol.lists.event import Header, Op

__all__ = ["EventIntake", "FollowGuards", "OpenFile", "Taken", "guard", "set_aside"]

_MOST_RECORDS: Final = 1000
_TOO_MANY: Final = Message("too many entries that the guards set aside")
_CARRYING: Final = frozenset({Op.ADD, Op.DISPUTE})
_ENDING: Final = frozenset({Op.WITHDRAW, Op.RESOLVE})

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
    """A row for each `FileRun`."""
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
        """Index rows, and what `mark` does."""
        unit.entries.add(log_id, keys=self.keys, positions=self.positions, collections=self.collections)
        self.mark(unit, log_id)

    def mark(self, unit: Unit, log_id: int) -> None:
        """Endings, touches, files and deletions, of rows that are there."""
        unit.entries.end(log_id, {(key, position): by for key, position, by in self.ended.tolist()})
        unit.touches.put(log_id, map(Touch._make, self.touches.tolist()))
        unit.file_runs.put(log_id, map(FileRun._make, self.runs.tolist()))
        shreds = self.shreds.tolist()
        unit.shreddings.add([Shredding(log_id=log_id, position=ref, by=by) for ref, by in shreds])


@dataclass(slots=True)
class EventIntake:
    """Collects what neighbouring events bring, one by one."""

    vault: Vault
    first: int
    file: OpenFile = field(default_factory=OpenFile)
    """Of the events before."""
    _digests: list[Digest] = field(default_factory=list)
    _positions: "array[int]" = field(default_factory=lambda: array("q"))
    _collections: "array[int]" = field(default_factory=lambda: array("i"))
    _ended: dict[int, int] = field(default_factory=dict)
    _touches: list[Touch] = field(default_factory=list)
    _runs: list[FileRun] = field(default_factory=list)
    _suspect: list[Suspect] = field(default_factory=list)
    _algorithms: "array[int]" = field(default_factory=lambda: array("b"))
    _files: "array[int]" = field(default_factory=lambda: array("q"))
    _content_id: bytes = b""
    _number: int = 0
    _adds: "array[int]" = field(default_factory=lambda: array("q"))
    _withdrawals: "array[int]" = field(default_factory=lambda: array("q"))
    _disputes: "array[int]" = field(default_factory=lambda: array("q"))
    _shreds: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._content_id = self.file.content_id

    def take(self, position: int, events: Sequence[bytes], openings: Sequence[bytes]) -> None:
        """Take in verified events from `position` on; an empty opening is one that is not held."""
        content_ids = list(map(content_id_of, openings))
        last, header, known = b"", None, False
        for at, (event, opening, content_id) in enumerate(
            zip(events, openings, content_ids, strict=True), position
        ):
            if event[:HEADER_BYTES] != last:  # neighbours have the same, but for what they refer to
                last = event[:HEADER_BYTES]
                header = Header.from_bytes(last)
                known = header.known
            if header is None or not known:
                continue
            self._note(at, header)
            digest = digest_of(opening) if header.op in _CARRYING else None
            if digest is not None:
                self._digests.append(digest)
                self._positions.append(at)
                self._collections.append(header.collection if header.op == Op.ADD else -header.collection)
                self._algorithms.append(digest.algorithm)
                self._files.append(self._file_of(content_id))
                reason = degenerate(digest)
                if reason is not None and header.op == Op.ADD:
                    self._suspect.append((at, reason))
        self._touches += touches_of(position, events, openings)
        self._runs += runs_of(self.vault, position, content_ids)

    def older(self, about: Iterable[Touch]) -> None:
        """What was taken is not new, but opened late: `about` it is what came since; deletions were asked for then."""
        taken = frozenset(self._positions)
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
        keys = self.vault.keys_of(self._digests)
        positions = _array(self._positions)
        collections = np.array(self._collections, dtype=np.int32)
        columns = Columns(keys, positions, np.array(self._algorithms, dtype=np.int8), _array(self._files))
        pairs, file = self._about_files(columns, collections > 0)
        order = np.argsort(keys, kind="stable")
        return Taken(
            keys=keys[order],
            positions=positions[order],
            collections=collections[order],
            pairs=pairs,
            ended=self._endings(keys, positions, older_keys),
            touches=np.array(self._touches, dtype=np.int64).reshape(-1, len(Touch._fields)),
            runs=np.array(self._runs, dtype=np.int64).reshape(-1, len(FileRun._fields)),
            shreds=np.array(self._shreds, dtype=np.int64).reshape(-1, 2),
            adds=_array(self._adds),
            withdrawals=_array(self._withdrawals),
            disputes=_array(self._disputes),
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
        firsts = {kind: (key, position) for kind, key, position in rows} if self._content_id else {}
        return pairs, OpenFile(self._content_id, firsts)

    def _new(self, pairs: Pairs) -> Pairs:
        """Without the one that was complete before these events."""
        if not set(self.file.firsts) >= {pairs.weak, pairs.stronger}:
            return pairs
        new = pairs.positions >= self.first
        columns = pairs.weak_keys[new], pairs.positions[new], pairs.stronger_keys[new]
        return Pairs(pairs.weak, pairs.stronger, *columns)

    def _file_of(self, content_id: bytes) -> int:
        """The number of the file that a digest is of: neighbours with one content id have the same."""
        if not content_id or content_id != self._content_id:
            self._number += 1
            self._content_id = content_id
        return self._number

    def _note(self, position: int, header: Header) -> None:
        if header.op == Op.ADD:
            self._adds.append(position)
            return
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


def _array(values: "array[int]") -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
