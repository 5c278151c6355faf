"""What partners reported, as people at the agency look at it: what became of each hit, which entries are behind it.

A partner says what became of a file within a day of the hit; the agency counts from the moment of the report, which is
the one that it knows. How well a list fares is counted from what partners say of its hits; an answer to a dispute
outweighs that, for it is the agency's own word. Nothing here changes a list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from node.objects.report_pages import PAGE, report_pages
from node.store.hits.records import (
    SAID_WITHIN_MS,
    CaseRecord,
    HitFilter,
    HitPlace,
    HitRecord,
    HitSourceRecord,
    HitWindow,
    OutcomeCount,
    ResolutionRecord,
)
from node.store.store import Store
from node.store.unit import Unit
from protocol.statement.case import Outcome
from protocol.statement.resolution import Action

FEW: Final = 20
"""Below so many judged hits a share says nothing about a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedHit:
    """A report with what became of it."""

    record: HitRecord
    resolution: ResolutionRecord | None
    """The one that counts; None: the partner has not said."""
    case: CaseRecord | None
    sources: Sequence[HitSourceRecord]

    @property
    def action(self) -> Action | None:
        """What became of the file, by the partner's word."""
        return None if self.resolution is None else Action(self.resolution.action)

    @property
    def open(self) -> bool:
        """Whether nobody at the agency has closed it."""
        return self.record.closed_ms is None

    @property
    def disputed(self) -> bool:
        """Whether a dispute of it waits for the agency's answer."""
        return self.case is not None and self.case.answered_ms is None

    @property
    def due_ms(self) -> int:
        """By when the partner should have said what became of the file."""
        return self.record.received_ms + SAID_WITHIN_MS

    @property
    def wrong(self) -> bool:
        """Whether the list was wrong about it: the agency said so, or the partner did and the agency did not object."""
        return _wrong(self.action, self._answered)

    @property
    def judged(self) -> bool:
        """Whether somebody has said what it was."""
        return _judged(self.action, self._answered)

    @property
    def _answered(self) -> int | None:
        return None if self.case is None else self.case.outcome

    @property
    def withdrawn(self) -> bool:
        """Whether no release lists any more what it reports."""
        return self.record.ended_ms is not None

    def overdue(self, now_ms: int) -> bool:
        """Whether the partner should have said by now what became of the file."""
        return self.open and self.resolution is None and now_ms > self.due_ms

    def state(self, now_ms: int) -> str:
        """In one word: disputed, closed, withdrawn, resolved, overdue or open."""
        if self.disputed:
            return "disputed"
        if not self.open:
            return "closed"
        if self.withdrawn:
            return "withdrawn"
        if self.resolution is not None:
            return "resolved"
        return "overdue" if self.overdue(now_ms) else "open"


_ALL: Final = HitFilter()
_EVERY: Final = HitWindow()


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage:
    """Some reports in their order."""

    hits: Sequence[ReportedHit]
    last: HitPlace | None
    """The next page begins after it; None: there is none."""


def overdue_hits(now_ms: int, *, partner: str = "", origin: str = "") -> HitFilter:
    """Of which the partner should have said by now what became of the file; listed the longest overdue first."""
    return HitFilter(unsaid_since_ms=now_ms - SAID_WITHIN_MS, partner=partner, origin=origin)


def hits_page(
    store: Store, wanted: HitFilter, *, after: HitPlace | None = None, limit: int = PAGE
) -> HitPage:
    """Up to `limit` (at most 500) reports after the page before: newest first, overdue ones oldest first."""
    assert 0 < limit <= PAGE, "a database takes the names of so many at once"
    with store.read() as unit:
        found = unit.hits.page(wanted, after=after, limit=limit + 1)
        page = found[:limit]
        return HitPage(hits=_with_outcomes(unit, page), last=page[-1].place if len(found) > limit else None)


def reported_hits(store: Store, wanted: HitFilter = _ALL) -> Iterator[ReportedHit]:
    """All reports that are wanted, in the order of `hits_page`."""
    for page in report_pages(store, wanted):
        with store.read() as unit:
            found = _with_outcomes(unit, page)
        yield from found


def _with_outcomes(unit: Unit, page: Sequence[HitRecord]) -> list[ReportedHit]:
    names = [record.name for record in page]
    counting, sources = unit.hit_outcomes.counting(names), unit.hit_outcomes.sources(names)
    cases = unit.partner_cases.of(names)
    return [
        ReportedHit(
            record=record,
            resolution=counting.get(record.name),
            case=cases.get(record.name),
            sources=sources.get(record.name, ()),
        )
        for record in page
    ]


def reported_hit(store: Store, record: HitRecord) -> tuple[ReportedHit, Sequence[ResolutionRecord]]:
    """One report, and all that its partner said became of the file, the newest last."""
    name = (record.partner, record.report_id)
    with store.read() as unit:
        said = unit.hit_outcomes.of(*name)
        found = ReportedHit(
            record=record,
            resolution=said[-1] if said else None,
            case=unit.partner_cases.find(*name),
            sources=unit.hit_outcomes.sources_of(*name),
        )
    return found, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How the hits of one list and collection turned out."""

    origin: str
    collection: int
    reports: int
    judged: int
    """Of which somebody said what they were; the numbers below are of these."""
    partners: int
    """Who made them: one that is wrong, or lies, must not speak for all."""
    false_positives: int
    """By the partners' word."""
    upheld: int
    """By the agency's answers to disputes."""
    wrong: int
    """By either, and not by the word of a partner that the agency rejected."""

    @property
    def share(self) -> float | None:
        """Of the judged hits, how many were right: 0 to 1; None while they are too few to say."""
        return None if self.judged < FEW else (self.judged - self.wrong) / self.judged


def precision(store: Store, window: HitWindow = _EVERY) -> list[Precision]:
    """How each list fares, by collection; a hit counts for every list that is behind it."""
    with store.read() as unit:
        fared, judges = unit.hit_tallies.outcomes(window), unit.hit_tallies.judges(window)
    groups: dict[tuple[str, int], list[OutcomeCount]] = {}
    for each in fared:
        groups.setdefault((each.origin, each.collection), []).append(each)
    return [_precision(groups[name], partners=judges.get(name, 0)) for name in sorted(groups)]


def _precision(fared: Sequence[OutcomeCount], *, partners: int) -> Precision:
    judged = [each for each in fared if _judged(each.action, each.outcome)]
    return Precision(
        origin=fared[0].origin,
        collection=fared[0].collection,
        reports=sum(each.reports for each in fared),
        judged=sum(each.reports for each in judged),
        partners=partners,
        false_positives=sum(each.reports for each in judged if each.action == Action.FALSE_POSITIVE),
        upheld=sum(each.reports for each in judged if each.outcome == Outcome.UPHELD),
        wrong=sum(each.reports for each in judged if _wrong(each.action, each.outcome)),
    )


def _judged(action: int | None, outcome: int | None) -> bool:
    return action is not None or outcome is not None


def _wrong(action: int | None, outcome: int | None) -> bool:
    return outcome == Outcome.UPHELD or (action == Action.FALSE_POSITIVE and outcome != Outcome.REJECTED)
