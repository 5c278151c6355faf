"""What a judgement is made of, as one transaction saw it: heads, what is set aside or shredded, releases, objections.

Equal premises, by one register and with the same lists fresh, give equal judgements: a kept judgement stands for as
long as they do. What a list says follows from its `HeldList` alone. Openings change without a new event in two ways,
and each leaves a trace here: a peer opens what it withheld (`reopened`), and what is shredded is deleted, before it is
marked as erased.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from node.clock import milliseconds
from node.store.lists.records import FORKED, LogKind, LogRecord, Shredding, Tombstone
from node.store.peers.records import OverlayRecord
from node.store.subsets.records import ReleaseRecord
from node.store.unit import Unit
from node.trust.others.revocations import doubted, withheld
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.lists.event import Op
from protocol.lists.ext import EntryRef

SET_ASIDE: Final = {"add": Op.ADD, "withdraw": Op.WITHDRAW, "dispute": Op.DISPUTE}
"""Records of the guards that keep events from counting, by kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldList:
    """One list at its held head, and what its openings and its events are worth."""

    log_id: int
    origin: str
    size: int
    root: bytes
    reopened: int
    set_aside: tuple[tuple[int, int, int], ...]
    """Op, first and last position of events that do not count, ascending."""
    shredded: tuple[tuple[int, int | None], ...]
    """Positions whose openings are to be deleted, and when that was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """Everything that the tables say which a judgement follows from."""

    heads: tuple[LogRecord, ...]
    """The lists that have been published or pulled, by origin."""
    lists: tuple[HeldList, ...]
    """The same, in the same order."""
    forked: frozenset[int]
    """Ids of lists that stand still because a proof convicted them."""
    overlays: tuple[OverlayRecord, ...]
    released: frozenset[EntryRef]
    """Blocks of removed members that two persons released."""
    revoked: Mapping[str, tuple[range, ...]]
    silent: frozenset[str]
    """Nodes that withhold which keys they took back."""
    tombstones: tuple[Tombstone, ...]
    shreddings: tuple[Shredding, ...]
    releases: tuple[ReleaseRecord, ...]
    """The newest of each subset, by its name."""

    @classmethod
    def of(cls, unit: Unit) -> Self:
        """The premises as this transaction sees them."""
        heads = [log for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST) if log.note is not None]
        set_aside, shreddings = unit.quarantine.ls(), tuple(unit.shreddings.ls())
        newest = (unit.releases.newest(subset.name) for subset in unit.subsets.ls())
        runs: dict[int, list[tuple[int, int, int]]] = {}
        for item in set_aside:
            if item.kind in SET_ASIDE:
                runs.setdefault(item.log_id, []).append((SET_ASIDE[item.kind], item.first, item.last))
        gone: dict[int, list[tuple[int, int | None]]] = {}
        for each in shreddings:
            gone.setdefault(each.log_id, []).append((each.position, each.erased_ms))
        return cls(
            heads=tuple(heads),
            lists=tuple(_held(log, runs.get(log.id, ()), gone.get(log.id, ())) for log in heads),
            forked=frozenset(item.log_id for item in set_aside if item.kind == FORKED),
            overlays=tuple(unit.overlays.ls()),
            released=unit.evidence.released_blocks(),
            revoked=dict(doubted(unit)),
            silent=withheld(unit),
            tombstones=tuple(unit.tombstones.ls()),
            shreddings=shreddings,
            releases=tuple(record for record in newest if record is not None),
        )

    def fresh(self, *, now: datetime, max_age: timedelta) -> frozenset[str]:
        """Origins of the lists whose adds may take new effect."""
        oldest_ms, newest_ms = milliseconds(now - max_age), milliseconds(now) + MAX_CLOCK_SKEW_MS
        return frozenset(
            log.origin
            for log in self.heads
            if log.kind is LogKind.OWN_LIST
            # A clock that was ahead for an hour must not keep a list fresh for a year.
            or (
                oldest_ms <= log.checked_ms <= newest_ms
                and log.id not in self.forked
                and log.node not in self.silent
            )
        )

    def basis(self, fresh: frozenset[str]) -> tuple[object, ...]:
        """Everything that a judgement by one register follows from; equal ones give equal judgements."""
        releases = tuple((each.subset, each.version, each.manifest_sha256) for each in self.releases)
        return (
            self.lists,
            fresh,
            self.overlays,
            self.released,
            self.revoked,
            self.tombstones,
            self.shreddings,
            releases,
        )


def _held(
    log: LogRecord, runs: Iterable[tuple[int, int, int]], gone: Iterable[tuple[int, int | None]]
) -> HeldList:
    return HeldList(
        log_id=log.id,
        origin=log.origin,
        size=log.head.size,
        root=log.head.root,
        reopened=log.reopened,
        set_aside=tuple(sorted(runs)),
        shredded=tuple(gone),
    )
