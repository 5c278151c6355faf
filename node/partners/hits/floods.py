"""An entry that partners suddenly report far more often than others is set before a person: it may be a mistake.

A picture that everybody has, listed by mistake, matches everywhere at once. That many partners report an entry is
no proof of it, and partners may lie: so it stays listed, and nothing is decided by it. People see it in the quarantine,
look at it, and withdraw it, dispute it, or release it, which takes two of them. One that was released is set before
them again after as many new reports.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.message import Message
from node.clock import HOUR_MS, Clock, milliseconds
from node.journal import Journal
from node.store.hits.records import HitSourceRecord
from node.store.lists.records import FLOOD, Quarantined
from node.store.store import Store
from node.store.unit import Unit

MOST: Final = 200
"""Entries that wait at once: partners that lie together must not bury what else waits."""

_journal = Journal("flood")


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLimits:
    """More reports than `reports`, of more partners than `partners`, within `hours`."""

    reports: int
    partners: int
    hours: int


class FloodWatch:
    """Looks at each new report."""

    def __init__(self, store: Store, clock: Clock, limits: FloodLimits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits

    def look(self, sources: Sequence[HitSourceRecord]) -> None:
        """Set the entries behind a report before a person, if there is a flood of them."""
        now_ms = milliseconds(self._clock.now())
        with self._store.read() as unit:
            flooding = [source for source in sources if self._record(unit, source, now_ms)]
        for source in flooding:
            with self._store.write() as unit:
                record = self._record(unit, source, now_ms)
                if record is None:
                    continue
                unit.quarantine.add([record])
            _journal.warning("flood", origin=source.origin, entry=source.position, reason=record.reason)

    def _record(self, unit: Unit, source: HitSourceRecord, now_ms: int) -> Quarantined | None:
        """What to set before a person; None where there is no flood, or they see it already."""
        since_ms = now_ms - self._limits.hours * HOUR_MS
        log = unit.logs.find(source.origin)
        if log is None:
            return None
        known = unit.quarantine.newest(log.id, FLOOD, source.position)
        if known is not None:
            if known.released_ms is None:
                return None
            since_ms = max(since_ms, known.released_ms + 1)
        matched = unit.hit_outcomes.matched(source.origin, source.position, since_ms=since_ms)
        reports, partners = sum(matched.values()), len(matched)
        if reports <= self._limits.reports or partners <= self._limits.partners:
            return None
        if sum(one.kind == FLOOD for one in unit.quarantine.ls()) >= MOST:
            return None
        return Quarantined(
            log_id=log.id,
            kind=FLOOD,
            first=source.position,
            last=source.position,
            reason=Message(
                "{count} reports of {partners} partners within {hours} hours",
                f"{reports:,}",
                f"{partners:,}",
                self._limits.hours,
            ),
            created_ms=now_ms,
        )
