"""From what was counted to what may be told: everything a reader sees is computed from this, never from the counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.transparency.counts import (
    ANSWERS,
    IN_TIME,
    LATER,
    LISTED,
    OUTCOMES,
    RIGHT,
    WITHDRAWN,
    WRONG,
    Counts,
    JudgedCount,
    ListCount,
    MonthCount,
    ReleaseCount,
)
from node.transparency.periods import Period
from node.transparency.suppression import (
    THRESHOLD,
    Family,
    Hidden,
    Number,
    Parts,
    alone,
    family,
    nothing_known,
)

FEW: Final = 20
"""Below so many judged hits a share says nothing about a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How the hits of one collection of one own list turned out."""

    origin: str
    collection: str
    hits: Number
    wrong: Number

    @property
    def precision(self) -> float | None:
        """Of the judged hits, how many were right, 0 to 1; None: withheld, or too few to say."""
        if isinstance(self.hits, Hidden) or isinstance(self.wrong, Hidden) or self.hits < FEW:
            return None
        return (self.hits - self.wrong) / self.hits


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What may be told of one period."""

    node: str
    period: Period
    made_ms: int
    threshold: int
    members: int
    countries: Sequence[str]
    k: int
    lists: Sequence[ListCount]
    months: Sequence[MonthCount]
    objections: int
    releases: Sequence[ReleaseCount]
    partners: Number
    evaluations: Number
    hits: Number
    hits_by_collection: Parts
    hits_by_month: Parts
    hits_by_outcome: Parts
    hits_withdrawn: Number
    """Of them, no release lists any more."""
    disputes: Number
    disputes_by_answer: Parts
    judged: Sequence[Judged]

    @property
    def complete(self) -> bool:
        """Whether the period was over when the report was made."""
        return self.made_ms >= self.period.end_ms

    @property
    def in_time(self) -> float | None:
        """Of the files that were removed, disabled or preserved, how many within 24 hours, 0 to 1."""
        soon, later = self.hits_by_outcome[IN_TIME], self.hits_by_outcome[LATER]
        if isinstance(soon, Hidden) or isinstance(later, Hidden) or not soon + later:
            return None
        return soon / (soon + later)


def publish(counts: Counts, period: Period, *, made_ms: int) -> Report:
    """What may be told."""
    hits, disputes = _families(counts)
    # Hits of a list, by their collection or outcome, may be the very ones of a withheld number: then both are withheld.
    tellable = hits.whole and disputes.whole
    by_collection, by_month, by_outcome = hits.ways
    return Report(
        node=counts.node,
        period=period,
        made_ms=made_ms,
        threshold=THRESHOLD,
        members=counts.members,
        countries=counts.countries,
        k=counts.k,
        lists=counts.lists,
        months=counts.months,
        objections=counts.objections,
        releases=counts.releases,
        partners=alone(counts.partners),
        evaluations=_evaluations(counts),
        hits=hits.total,
        hits_by_collection=by_collection,
        hits_by_month=by_month,
        hits_by_outcome=by_outcome,
        hits_withdrawn=_withdrawn(counts, hits),
        disputes=disputes.total,
        disputes_by_answer=disputes.ways[0],
        judged=[_judged(each, tellable=tellable) for each in counts.judged if counts.reports_kept],
    )


def _families(counts: Counts) -> tuple[Family, Family]:
    """Hits by collection, month and outcome; disputes by answer."""
    if not counts.reports_kept:
        return nothing_known((), tuple(counts.hits_by_month), OUTCOMES), nothing_known(ANSWERS)
    outcomes = {name: counts.hits_by_outcome.get(name, 0) for name in OUTCOMES}
    answers = {name: counts.disputes.get(name, 0) for name in ANSWERS}
    return family(counts.hits_by_collection, counts.hits_by_month, outcomes), family(answers)


def _withdrawn(counts: Counts, hits: Family) -> Number:
    if isinstance(hits.total, Hidden):
        return hits.total
    # What is listed still is not told, but follows from the sum, which everybody sees.
    return family({WITHDRAWN: counts.hits_withdrawn, LISTED: hits.total - counts.hits_withdrawn}).ways[0][
        WITHDRAWN
    ]


def _evaluations(counts: Counts) -> Number:
    if counts.evaluations is None:
        return Hidden.NOT_RECORDED
    # Of few companies it would be what a single one looks up.
    return Hidden.WITHHELD if isinstance(alone(counts.partners), Hidden) else counts.evaluations


def _judged(count: JudgedCount, *, tellable: bool) -> Judged:
    shown = family({RIGHT: count.right, WRONG: count.wrong})
    hits = shown.total if tellable else Hidden.WITHHELD
    wrong = shown.ways[0][WRONG] if tellable else Hidden.WITHHELD
    return Judged(origin=count.origin, collection=count.collection, hits=hits, wrong=wrong)
