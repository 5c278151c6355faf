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

from keys.message import Message
from node.lists.changes import content_id_of, digest_of
from node.lists.collisions import Arrivals
from node.lists.pace import DAY_MS, Changes, FollowGuards, Record, beyond
from node.lists.touches import touches_of
from node.store.lists.columns import Keys, Positions
from node.store.lists.records import LogRecord, Quarantined, Shredding, Touch
from node.store.unit import Unit
from node.store.vault import Vault
from protocol.digest import degenerate
from protocol.lists.event import Header, Op

__all__ = ["DAY_MS", "EventIntake", "FollowGuards"]

_MOST_RECORDS: Final = 1000
_TOO_MANY: Final = Message("too many entries that the guards set aside")
_ENDING: Final = frozenset({Op.WITHDRAW, Op.RESOLVE})


@dataclass(slots=True)
class EventIntake:
    """Collects what one pull brings, event by event, and writes it in one transaction."""

    vault: Vault
    first: int
    _keys: list[Keys] = field(default_factory=list)
    _positions: "array[int]" = field(default_factory=lambda: array("q"))
    _collections: "array[int]" = field(default_factory=lambda: array("i"))
    _ended: dict[int, int] = field(default_factory=dict)
    _touches: list[Touch] = field(default_factory=list)
    _suspect: list[tuple[int, str]] = field(default_factory=list)
    _algorithms: "array[int]" = field(default_factory=lambda: array("b"))
    _files: "array[int]" = field(default_factory=lambda: array("q"))
    _content_id: bytes = b""
    _file: int = 0
    adds: "array[int]" = field(default_factory=lambda: array("q"))
    withdrawals: "array[int]" = field(default_factory=lambda: array("q"))
    disputes: "array[int]" = field(default_factory=lambda: array("q"))
    shreds: list[tuple[int, int]] = field(default_factory=list)
    """Positions whose openings are to be deleted, and of the events that ask for it."""
    last_time_ms: int = 0

    def take(self, position: int, events: Sequence[bytes], openings: Sequence[bytes]) -> None:
        """Take in verified events from `position` on; an empty opening is one that is not held."""
        digests = []
        for at, (event, opening) in enumerate(zip(events, openings, strict=True), position):
            header = Header.from_bytes(event[:24])
            self.last_time_ms = header.time_ms
            if not header.known:
                continue
            self._note(at, header)
            digest = digest_of(opening) if header.op in {Op.ADD, Op.DISPUTE} else None
            if digest is not None:
                digests.append(digest)
                self._positions.append(at)
                self._collections.append(header.collection if header.op == Op.ADD else -header.collection)
                self._algorithms.append(digest.algorithm)
                self._files.append(self._file_of(opening))
                reason = degenerate(digest)
                if reason is not None and header.op == Op.ADD:
                    self._suspect.append((at, reason))
        self._keys.append(self.vault.keys_of(digests))
        self._touches += touches_of(position, events, openings)

    def older(self, about: Iterable[Touch]) -> None:
        """What was taken is not new, but opened late: `about` it is what came since; deletions were asked for then."""
        taken = frozenset(self._positions)
        self._ended.clear()
        for touch in about:
            if touch.op in _ENDING and touch.ref in taken:
                self._ended.setdefault(touch.ref, touch.position)
        self.shreds.clear()

    def rows(self) -> list[tuple[int, int]]:
        """Key and position of every digest that was taken."""
        keys = np.concatenate([np.empty(0, dtype=np.int64), *self._keys])
        return list(zip(keys.tolist(), self._positions, strict=True))

    def older_refs(self) -> list[int]:
        """Positions from before this pull that it ends."""
        return [ref for ref in self._ended if ref < self.first]

    def write(self, unit: Unit, log_id: int, older_keys: Mapping[int, int]) -> None:
        """What was taken, into the indexes; `older_keys` are the keys of `older_refs` as far as they are known."""
        keys = np.concatenate([np.empty(0, dtype=np.int64), *self._keys])
        positions = np.frombuffer(self._positions, dtype=np.int64)
        collections = np.frombuffer(self._collections, dtype=np.int32)
        unit.entries.add(log_id, keys=keys, positions=positions, collections=collections)
        ended = {}
        for ref, by in self._ended.items():
            key = older_keys.get(ref) if ref < self.first else _key_at(keys, positions, ref)
            if key is not None:
                ended[key, ref] = by
        unit.entries.end(log_id, ended)
        unit.touches.put(log_id, self._touches)
        unit.shreddings.add([Shredding(log_id=log_id, position=ref, by=by) for ref, by in self.shreds])

    def arrivals(self) -> Arrivals:
        """The new entries whose digests are held."""
        entries = np.flatnonzero(np.frombuffer(self._collections, dtype=np.int32) > 0)
        keys = np.concatenate([np.empty(0, dtype=np.int64), *self._keys])
        return Arrivals(
            keys=keys[entries],
            positions=np.frombuffer(self._positions, dtype=np.int64)[entries],
            algorithms=np.frombuffer(self._algorithms, dtype=np.int8)[entries],
            files=np.frombuffer(self._files, dtype=np.int64)[entries],
        )

    def guard(
        self,
        unit: Unit,
        log: LogRecord,
        guards: FollowGuards,
        *,
        suspects: Sequence[tuple[int, str]] = (),
        now_ms: int,
    ) -> int:
        """Set aside what the guards do not let pass, and count this pull; returns the number of records.

        `log` is as it stood before; `suspects` are positions of entries, each with a reason.
        """
        changes = Changes(adds=self.adds, withdrawals=self.withdrawals, disputes=self.disputes)
        records = self._suspected(suspects)
        if records and len(unit.quarantine.ls(log.id)) >= _MOST_RECORDS:
            records = [("add", self.adds[0], self.adds[-1], _TOO_MANY)]
        records += beyond(unit, log, changes, guards, now_ms=now_ms)
        unit.quarantine.add(_quarantined(log, records, now_ms))
        return len(records)

    def set_aside(
        self, unit: Unit, log: LogRecord, *, suspects: Sequence[tuple[int, str]], now_ms: int
    ) -> int:
        """Set aside what the guards find in older entries that were opened late; they were counted when they came.

        Where a flood of records waits already, each further bundle has one.
        """
        records = self._suspected(suspects)
        if not records:
            return 0
        aside = {(one.kind, one.first, one.last, one.reason) for one in unit.quarantine.ls(log.id)}
        if len(aside) >= _MOST_RECORDS:
            records = [("add", self.adds[0], self.adds[-1], _TOO_MANY)]
        records = [record for record in records if record not in aside]
        unit.quarantine.add(_quarantined(log, records, now_ms))
        return len(records)

    def _suspected(self, suspects: Sequence[tuple[int, str]]) -> list[Record]:
        found = dict(sorted([*suspects, *self._suspect]))
        return _suspects(sorted(found.items()), self.adds)

    def _file_of(self, opening: bytes) -> int:
        """The number of the file that a digest is of: neighbours with one content id have the same."""
        content_id = content_id_of(opening)
        if not content_id or content_id != self._content_id:
            self._file += 1
            self._content_id = content_id
        return self._file

    def _note(self, position: int, header: Header) -> None:
        if header.op == Op.ADD:
            self.adds.append(position)
        if header.op == Op.WITHDRAW:
            self.withdrawals.append(position)
        if header.op == Op.DISPUTE:
            self.disputes.append(position)
        if header.op in _ENDING:
            self._ended.setdefault(header.ref, position)
        if header.shreds:
            self.shreds.append((header.ref, position))


def _quarantined(log: LogRecord, records: Sequence[Record], now_ms: int) -> list[Quarantined]:
    return [
        Quarantined(log_id=log.id, kind=kind, first=first, last=last, reason=reason, created_ms=now_ms)
        for kind, first, last, reason in records
    ]


def _suspects(found: Sequence[tuple[int, str]], adds: Sequence[int]) -> list[Record]:
    """Neighbours with one reason share a record; a flood of them ends in one record to the end of the pull."""
    records: list[Record] = []
    for position, reason in found:
        if records and records[-1][2] == position - 1 and records[-1][3] == reason:
            records[-1] = ("add", records[-1][1], position, reason)
        elif len(records) == _MOST_RECORDS:
            records.append(("add", position, adds[-1], _TOO_MANY))
            break
        else:
            records.append(("add", position, position, reason))
    return records


def _key_at(keys: Keys, positions: Positions, position: int) -> int | None:
    at = int(np.searchsorted(positions, position))
    return int(keys[at]) if at < len(positions) and positions[at] == position else None
