"""Reports of hits in numbers, inside one transaction: the database counts, and no report is read for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, or_, select

from node.store.hits.records import HitWindow, OutcomeCount, ResolutionCount
from node.store.hits.reports import HitReportRow, HitResolutionRow, HitSourceRow, PartnerCase
from node.store.tables import Rows, table

_HIT, _CASE = table(HitReportRow), table(PartnerCase)
_RESOLUTION, _SOURCE = table(HitResolutionRow), table(HitSourceRow)
_NEWEST_FIRST: Final = (_HIT.c.received_ms.desc(), _HIT.c.partner.desc(), _HIT.c.report_id.desc())


class HitTallyRows(Rows):
    """The tables of hits, counted."""

    def outcomes(self, window: HitWindow) -> Sequence[OutcomeCount]:
        """How many reports each list and collection is behind, by what partners and the agency said of them."""
        hits = _judged(window)
        groups = (_SOURCE.c.origin, hits.c.collection, hits.c.action, hits.c.outcome)
        wanted = _with_sources(select(*groups, func.count()), hits).group_by(*groups)
        return [
            OutcomeCount(
                origin=row[0], collection=int(row[1]), action=row[2], outcome=row[3], reports=int(row[4])
            )
            for row in self._connection.execute(wanted)
        ]

    def judges(self, window: HitWindow) -> Mapping[tuple[str, int], int]:
        """How many partners made those reports of which somebody said what they were, by list and collection."""
        hits = _judged(window)
        said = or_(hits.c.action.is_not(None), hits.c.outcome.is_not(None))
        groups = (_SOURCE.c.origin, hits.c.collection)
        counted = select(*groups, func.count(hits.c.partner.distinct()))
        wanted = _with_sources(counted, hits).where(said).group_by(*groups)
        return {(row[0], int(row[1])): int(row[2]) for row in self._connection.execute(wanted)}

    def resolutions(self, window: HitWindow, *, within_ms: int) -> Sequence[ResolutionCount]:
        """How many reports there are of each collection, by what their partners said, and whether in time."""
        hits = _windowed(window)
        last = (
            select(
                hits.c.collection,
                hits.c.ended_ms,
                _last(_RESOLUTION.c.action, hits).label("action"),
                (_last(_RESOLUTION.c.done_ms, hits) - hits.c.received_ms).label("took"),
            )
            .select_from(hits)
            .subquery()
        )
        in_time = case((last.c.took <= within_ms, 1), else_=0).label("in_time")
        rows = select(last.c.collection, last.c.ended_ms, last.c.action, in_time).subquery()
        groups = (rows.c.collection, rows.c.action, rows.c.in_time)
        wanted = select(*groups, func.count(), func.count(rows.c.ended_ms)).group_by(*groups)
        return [
            ResolutionCount(
                collection=int(row[0]),
                action=row[1],
                in_time=bool(row[2]),
                reports=int(row[3]),
                withdrawn=int(row[4]),
            )
            for row in self._connection.execute(wanted)
        ]


def _windowed(window: HitWindow) -> FromClause:
    wanted = (_HIT.c.partner, _HIT.c.report_id, _HIT.c.collection, _HIT.c.received_ms, _HIT.c.ended_ms)
    rows = select(*wanted)
    rows = rows.where(_HIT.c.received_ms >= window.since_ms)
    if window.until_ms is not None:
        rows = rows.where(_HIT.c.received_ms < window.until_ms)
    if window.newest is not None:
        rows = rows.order_by(*_NEWEST_FIRST).limit(window.newest)
    return rows.subquery("windowed")


def _judged(window: HitWindow) -> FromClause:
    """The reports, each with what its partner said last and what the agency answered."""
    hits = _windowed(window)
    its_case = and_(_CASE.c.partner == hits.c.partner, _CASE.c.report_id == hits.c.report_id)
    rows = select(
        hits.c.partner,
        hits.c.report_id,
        hits.c.collection,
        _last(_RESOLUTION.c.action, hits).label("action"),
        _CASE.c.outcome,
    )
    return rows.select_from(hits.outerjoin(_CASE, its_case)).subquery("judged")


def _last(column: ColumnElement[Any], hits: FromClause) -> ColumnElement[Any]:
    """Of the resolution that counts; null where the partner has not said."""
    these = (_RESOLUTION.c.partner == hits.c.partner, _RESOLUTION.c.report_id == hits.c.report_id)
    newest = select(column).where(*these).order_by(_RESOLUTION.c.done_ms.desc()).limit(1)
    return newest.correlate(hits).scalar_subquery()


def _with_sources(wanted: Select[Any], hits: FromClause) -> Select[Any]:
    behind = and_(_SOURCE.c.partner == hits.c.partner, _SOURCE.c.report_id == hits.c.report_id)
    return wanted.select_from(hits.join(_SOURCE, behind))
