"""What newly pulled events mean for the catalogue: look-up rows, endings, deletions, and what the guards set aside.

The guards stop a peer whose key was stolen, or whose import went wrong, from changing this node's releases before
somebody has looked: more additions or withdrawals a day than agreed, and digests that say nothing about a file. What
they set aside is held and shown, and the quorum leaves it out. A first pull is not counted: the operator asked for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from node.ports.entries import Keys, Positions
from node.ports.quarantine import Intake, Quarantined
from node.ports.storage import Unit
from node.services.vault import Vault
from protocol.digest import SIZES, Algorithm, Digest, degenerate
from protocol.event import Header, Op
from protocol.opening import NONCE_BYTES

DAY_MS: Final = 24 * 60 * 60 * 1000
_MOST_RECORDS: Final = 1000
_ENDING: Final = frozenset({Op.WITHDRAW, Op.RESOLVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowGuards:
    """How much a peer may change a day before a person looks at it."""

    max_adds_per_day: int
    max_withdraws_per_day: int


@dataclass(slots=True)
class EventIntake:
    """Collects what one pull brings, event by event, and writes it in one transaction."""

    vault: Vault
    first: int
    _keys: list[Keys] = field(default_factory=list)
    _positions: list[int] = field(default_factory=list)
    _collections: list[int] = field(default_factory=list)
    _ended: dict[int, int] = field(default_factory=dict)
    _suspect: list[tuple[int, str]] = field(default_factory=list)
    adds: list[int] = field(default_factory=list)
    withdrawals: list[int] = field(default_factory=list)
    shredded: list[int] = field(default_factory=list)
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
            digest = _digest(opening) if header.op in {Op.ADD, Op.DISPUTE} else None
            if digest is not None:
                digests.append(digest)
                self._positions.append(at)
                self._collections.append(header.collection if header.op == Op.ADD else -header.collection)
                reason = degenerate(digest)
                if reason is not None and header.op == Op.ADD:
                    self._suspect.append((at, reason))
        self._keys.append(self.vault.keys_of(digests))

    def older_refs(self) -> list[int]:
        """Positions from before this pull that it ends."""
        return [ref for ref in self._ended if ref < self.first]

    def write(self, unit: Unit, log_id: int, older_keys: Mapping[int, int]) -> None:
        """Index rows and endings; `older_keys` are the look-up keys of `older_refs` as far as they are known."""
        keys = np.concatenate([np.empty(0, dtype=np.int64), *self._keys])
        positions = np.array(self._positions, dtype=np.int64)
        collections = np.array(self._collections, dtype=np.int32)
        unit.entries.add(log_id, keys=keys, positions=positions, collections=collections)
        ended = {}
        for ref, by in self._ended.items():
            key = older_keys.get(ref) if ref < self.first else _key_at(keys, positions, ref)
            if key is not None:
                ended[key, ref] = by
        unit.entries.end(log_id, ended)

    def guard(self, unit: Unit, log_id: int, guards: FollowGuards, *, now_ms: int) -> int:
        """Set aside what the guards do not let pass, and count this pull; returns the number of records."""
        records = _suspects(self._suspect, self.adds)
        if self.first:
            before = unit.quarantine.intake_since(log_id, since_ms=now_ms - DAY_MS)
            records += _beyond("add", self.adds, guards.max_adds_per_day - before[0], "additions")
            records += _beyond(
                "withdraw", self.withdrawals, guards.max_withdraws_per_day - before[1], "withdrawals"
            )
            intake = Intake(received_ms=now_ms, adds=len(self.adds), withdrawals=len(self.withdrawals))
            unit.quarantine.note_intake(log_id, intake)
        unit.quarantine.add(
            [
                Quarantined(
                    log_id=log_id, kind=kind, first=first, last=last, reason=reason, created_ms=now_ms
                )
                for kind, first, last, reason in records
            ]
        )
        return len(records)

    def _note(self, position: int, header: Header) -> None:
        if header.op == Op.ADD:
            self.adds.append(position)
        if header.op == Op.WITHDRAW:
            self.withdrawals.append(position)
        if header.op in _ENDING:
            self._ended.setdefault(header.ref, position)
        if header.shreds:
            self.shredded.append(header.ref)


_Record = tuple[str, int, int, str]


def _suspects(found: Sequence[tuple[int, str]], adds: Sequence[int]) -> list[_Record]:
    """Neighbours with one reason share a record; a flood of them ends in one record to the end of the pull."""
    records: list[_Record] = []
    for position, reason in found:
        if records and records[-1][2] == position - 1 and records[-1][3] == reason:
            records[-1] = ("add", records[-1][1], position, reason)
        elif len(records) == _MOST_RECORDS:
            records.append(("add", position, adds[-1], "too many entries that say nothing about a file"))
            break
        else:
            records.append(("add", position, position, reason))
    return records


def _beyond(kind: str, positions: Sequence[int], allowed: int, what: str) -> list[_Record]:
    allowed = max(allowed, 0)
    if len(positions) <= allowed:
        return []
    return [(kind, positions[allowed], positions[-1], f"more {what} in a day than agreed")]


def _digest(opening: bytes) -> Digest | None:
    if len(opening) < NONCE_BYTES + 2 or opening[NONCE_BYTES] not in SIZES:
        return None
    start = NONCE_BYTES + 2
    return Digest(Algorithm(opening[NONCE_BYTES]), opening[start : start + opening[NONCE_BYTES + 1]])


def _key_at(keys: Keys, positions: Positions, position: int) -> int | None:
    at = int(np.searchsorted(positions, position))
    return int(keys[at]) if at < len(positions) and positions[at] == position else None
