"""Counting what a transparency report tells of, from the store alone.

Nothing sealed is opened: no hash, no words of a partner. What is counted is confidential; `node.transparency` decides
what of it may be told.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final

from keys.trust.members import Members
from node.clock import DAY_MS
from node.errors import UsageError
from node.lists.tallies import Tally, tally
from node.partners.hits.overview import Precision, precision
from node.store.hits.records import CaseRecord, HitWindow, ResolutionCount
from node.store.lists.records import LogKind
from node.store.store import Store
from node.store.unit import Unit
from node.transparency.counts import (
    FALSE_POSITIVE,
    IN_TIME,
    LATER,
    NOT_TOLD,
    REJECTED,
    UPHELD,
    WAITING,
    Counts,
    JudgedCount,
    ListCount,
    MonthCount,
    ReleaseCount,
)
from node.transparency.periods import Period
from protocol.lists.event import NO_COLLECTION, PRIVATE_FROM, Op, collection_name
from protocol.statement.case import Outcome
from protocol.statement.resolution import Action

_ANSWERS: Final = {Outcome.UPHELD: UPHELD, Outcome.REJECTED: REJECTED}


def count(
    store: Store, period: Period, *, node: str, members: Members, now_ms: int, reports_since_ms: int
) -> Counts:
    """Everything of one period up to now; months that have not begun are left out.

    Older reports than `reports_since_ms` may have been purged. Raises `UsageError` for a period that has not begun.
    """
    begun = sum(edge <= now_ms for edge in period.edges_ms[:-1])
    if not begun:
        raise UsageError("this period has not begun")
    edges = period.edges_ms[: begun + 1]
    until_ms = edges[-1]
    with store.read() as unit:
        lists = {log.origin: tally(store, log, edges) for log in unit.logs.ls(LogKind.OWN_LIST)}
        cases = [case for case in unit.partner_cases.ls() if edges[0] <= case.opened_ms < until_ms]
        partners = sum(partner.added_ms < until_ms for partner in unit.partners.ls())
        releases = list(_releases(unit, period))
        evaluations = unit.partners.evaluations(period.months[:begun])
        told = [
            unit.hit_tallies.resolutions(HitWindow(since_ms=begin, until_ms=end), within_ms=DAY_MS)
            for begin, end in pairwise(edges)
        ]
    hits = [each for month in told for each in month]
    slots = range(1, begun + 1)
    return Counts(
        node=node,
        members=len(members.members),
        countries=sorted({member.country for member in members.members if member.country}),
        k=members.k,
        lists=[each for origin, told in lists.items() for each in _list(origin, told, slots)],
        months=[_month(period.months[slot - 1], list(lists.values()), slot) for slot in slots],
        objections=_added_up(list(lists.values()), Op.DISPUTE, slots),
        releases=releases,
        partners=partners,
        evaluations=evaluations,
        hits_by_collection=_collections(hits),
        hits_by_month={
            month: sum(one.reports for one in each)
            for month, each in zip(period.months[:begun], told, strict=True)
        },
        hits_by_outcome=_outcomes(hits),
        hits_withdrawn=sum(each.withdrawn for each in hits),
        disputes=_answers(cases),
        judged=_judged(precision(store, HitWindow(since_ms=edges[0], until_ms=until_ms)), lists),
        reports_kept=reports_since_ms <= edges[0],
    )


def _public(told: Tally) -> list[int]:
    """Collections that others may know of."""
    return [each for each in told.collections if NO_COLLECTION < each < PRIVATE_FROM]


def _list(origin: str, told: Tally, slots: range) -> list[ListCount]:
    return [
        ListCount(
            origin=origin,
            collection=collection_name(each),
            added=told.count(Op.ADD, slots=slots, collection=each),
            withdrawn=told.count(Op.WITHDRAW, slots=slots, collection=each),
            shredded=told.count(Op.WITHDRAW, slots=slots, collection=each, shredding=True),
            in_force=told.in_force(slot=slots[-1], collection=each),
        )
        for each in _public(told)
    ]


def _month(month: str, lists: Sequence[Tally], slot: int) -> MonthCount:
    return MonthCount(
        month=month,
        added=_added_up(lists, Op.ADD, range(slot, slot + 1)),
        withdrawn=_added_up(lists, Op.WITHDRAW, range(slot, slot + 1)),
        in_force=sum(told.in_force(slot=slot, collection=each) for told in lists for each in _public(told)),
    )


def _added_up(lists: Sequence[Tally], op: Op, slots: range) -> int:
    return sum(told.count(op, slots=slots, collection=each) for told in lists for each in _public(told))


def _releases(unit: Unit, period: Period) -> Sequence[ReleaseCount]:
    found = []
    for subset in unit.subsets.ls():
        made = [each for each in unit.releases.ls(subset.name) if each.created_ms < period.end_ms]
        new = [each for each in made if period.holds(each.created_ms)]
        if made:
            found.append(
                ReleaseCount(
                    subset=subset.name,
                    releases=len(new),
                    added=sum(each.added for each in new),
                    removed=sum(each.removed for each in new),
                    hashes=made[-1].answers - 1,  # one is that of the test file
                )
            )
    return found


def _collections(hits: Sequence[ResolutionCount]) -> Mapping[str, int]:
    counted: Counter[str] = Counter()
    for each in hits:
        counted[collection_name(each.collection)] += each.reports
    return dict(sorted(counted.items()))


def _outcomes(hits: Sequence[ResolutionCount]) -> Mapping[str, int]:
    counted: Counter[str] = Counter()
    for each in hits:
        counted[_outcome(each)] += each.reports
    return counted


def _outcome(hit: ResolutionCount) -> str:
    if hit.action is None:
        return NOT_TOLD
    if hit.action == Action.FALSE_POSITIVE:
        return FALSE_POSITIVE
    return IN_TIME if hit.in_time else LATER


def _judged(fared: Sequence[Precision], own: Collection[str]) -> Sequence[JudgedCount]:
    """Of own lists alone: how those of others fare is theirs to tell."""
    return [
        JudgedCount(
            origin=each.origin,
            collection=collection_name(each.collection),
            right=each.judged - each.wrong,
            wrong=each.wrong,
        )
        for each in fared
        if each.origin in own and each.collection < PRIVATE_FROM
    ]


def _answers(cases: Sequence[CaseRecord]) -> Mapping[str, int]:
    return Counter(WAITING if case.outcome is None else _ANSWERS[Outcome(case.outcome)] for case in cases)
