"""For how long reports of partners are kept: a time after the last that happened, and never what is not finished.

Finished is a report that the agency closed, whose dispute, if there is one, was answered, that nobody holds, and whose
file the partner does not keep for an authority. With it go its receipt, what the partner said of it, its case, and what
says which entries are behind it. What was deleted is counted, and named nowhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.partners.hits.overview import ReportedHit, reported_hits
from node.store.store import Store
from node.store.unit import Unit
from protocol.slices import slices
from protocol.statement.resolution import Action

_ROUND: Final = 500
"""Reports deleted in one transaction: whoever reports waits as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How much was deleted, or would be."""

    reports: int
    resolutions: int
    """Of which a partner said what became of the file."""
    cases: int

    @property
    def details(self) -> dict[str, str]:
        """For the audit log."""
        return {name: str(getattr(self, name)) for name in ("cases", "reports", "resolutions")}


def last_ms(hit: ReportedHit) -> int:
    """When the last of what is known of a report happened, by this node's clock."""
    times = [
        hit.record.received_ms,
        hit.record.closed_ms or 0,
        hit.resolution.received_ms if hit.resolution else 0,
        (hit.case.answered_ms or 0) if hit.case else 0,
    ]
    return max(times)


def is_finished(hit: ReportedHit) -> bool:
    """Whether nobody waits for anything that is known of a report."""
    held = hit.record.held_ms is not None or hit.action is Action.PRESERVED
    return not (hit.open or hit.disputed or held)


def expired(store: Store, *, before_ms: int) -> list[ReportedHit]:
    """Finished reports of which the last that happened was before `before_ms`; of 0 none is read."""
    if not before_ms:
        return []
    return [hit for hit in reported_hits(store) if is_finished(hit) and last_ms(hit) < before_ms]


def counted(hits: Iterable[ReportedHit]) -> Purged:
    """How much that is."""
    found = list(hits)
    return Purged(
        reports=len(found),
        resolutions=sum(hit.resolution is not None for hit in found),
        cases=sum(hit.case is not None for hit in found),
    )


def purge(store: Store, *, before_ms: int) -> Purged:
    """Delete what is expired; what changed meanwhile, and is not expired any more, stays."""
    done: list[ReportedHit] = []
    for some in slices(expired(store, before_ms=before_ms), _ROUND):
        with store.write() as unit:
            for hit in some:
                if _as_it_was(unit, hit):
                    unit.hits.purge(hit.record)
                    done.append(hit)
    if done:
        store.scrub()
    return counted(done)


def _as_it_was(unit: Unit, hit: ReportedHit) -> bool:
    name = (hit.record.partner, hit.record.report_id)
    said = unit.hit_outcomes.of(*name)
    return (
        unit.hits.find(*name) == hit.record
        and unit.partner_cases.find(*name) == hit.case
        and (said[-1] if said else None) == hit.resolution
    )
