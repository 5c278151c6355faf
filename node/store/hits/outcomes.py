"""What became of reported hits, and the entries behind them, inside one transaction."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import and_, case, func, insert, select

from node.errors import AlreadyExistsError
from node.store.hits.records import HitSourceRecord, ReportName, ResolutionRecord, Resolved
from node.store.hits.reports import HitReportRow, HitResolutionRow, HitSourceRow, among
from node.store.tables import Rows, table, values_of

_HIT, _RESOLUTION, _SOURCE = table(HitReportRow), table(HitResolutionRow), table(HitSourceRow)


class HitOutcomeRows(Rows):
    """The `hit_resolution` and `hit_source` tables."""

    def add(self, resolution: ResolutionRecord) -> None:
        """Keep a resolution; raises `AlreadyExistsError` when that report has one of that time."""
        self._insert(
            _RESOLUTION,
            values_of(resolution),
            AlreadyExistsError("a resolution of this time was kept meanwhile"),
        )

    def of(self, partner: str, report_id: bytes) -> Sequence[ResolutionRecord]:
        """All resolutions of a report, the one that counts last."""
        wanted = select(_RESOLUTION).where(
            _RESOLUTION.c.partner == partner, _RESOLUTION.c.report_id == report_id
        )
        return self._records(ResolutionRecord, wanted.order_by(_RESOLUTION.c.done_ms))

    def counting(self, reports: Collection[ReportName]) -> Mapping[ReportName, ResolutionRecord]:
        """The resolution that counts, for those of a page of reports that have any."""
        wanted = select(_RESOLUTION).where(among(_RESOLUTION, reports)).order_by(_RESOLUTION.c.done_ms)
        return {(found.partner, found.report_id): found for found in self._records(ResolutionRecord, wanted)}

    def received_since(self, partner: str, *, since_ms: int) -> int:
        """How many resolutions of a partner came at `since_ms` or later."""
        these = (_RESOLUTION.c.partner == partner, _RESOLUTION.c.received_ms >= since_ms)
        return self._count_of(_RESOLUTION, *these)

    def resolved(self, *, since_ms: int, within_ms: int) -> Sequence[Resolved]:
        """What became of the files of reports that came at `since_ms` or later, by action."""
        last = (
            select(
                _RESOLUTION.c.partner,
                _RESOLUTION.c.report_id,
                func.max(_RESOLUTION.c.done_ms).label("done_ms"),
            )
            .group_by(_RESOLUTION.c.partner, _RESOLUTION.c.report_id)
            .subquery()
        )
        same = [_RESOLUTION.c[name] == last.c[name] for name in ("partner", "report_id", "done_ms")]
        reported = [_RESOLUTION.c[name] == _HIT.c[name] for name in ("partner", "report_id")]
        took = _RESOLUTION.c.done_ms - _HIT.c.received_ms
        wanted = (
            select(
                _RESOLUTION.c.action,
                func.count(),
                func.sum(case((took <= within_ms, 1), else_=0)),
                func.max(took),
            )
            .select_from(_RESOLUTION.join(last, and_(*same)).join(_HIT, and_(*reported)))
            .where(_HIT.c.received_ms >= since_ms)
            .group_by(_RESOLUTION.c.action)
            .order_by(_RESOLUTION.c.action)
        )
        return [
            Resolved(action=int(row[0]), count=int(row[1]), in_time=int(row[2]), slowest_ms=int(row[3]))
            for row in self._connection.execute(wanted)
        ]

    def add_sources(self, sources: Sequence[HitSourceRecord]) -> None:
        """Keep which entries are behind a report."""
        if sources:
            self._connection.execute(insert(_SOURCE), list(map(values_of, sources)))

    def sources(self, reports: Collection[ReportName]) -> Mapping[ReportName, Sequence[HitSourceRecord]]:
        """The entries behind a page of reports, each by origin."""
        found: dict[ReportName, list[HitSourceRecord]] = {}
        wanted = select(_SOURCE).where(among(_SOURCE, reports)).order_by(_SOURCE.c.origin)
        for source in self._records(HitSourceRecord, wanted):
            found.setdefault((source.partner, source.report_id), []).append(source)
        return found

    def sources_of(self, partner: str, report_id: bytes) -> Sequence[HitSourceRecord]:
        """The entries behind one report, by origin."""
        these = (_SOURCE.c.partner == partner, _SOURCE.c.report_id == report_id)
        return self._records(HitSourceRecord, select(_SOURCE).where(*these).order_by(_SOURCE.c.origin))

    def matched(self, origin: str, position: int, *, since_ms: int) -> Mapping[str, int]:
        """How many reports each partner made of an entry at `since_ms` or later."""
        c = _SOURCE.c
        these = (c.origin == origin, c.position == position, c.received_ms >= since_ms)
        wanted = select(c.partner, func.count()).where(*these).group_by(c.partner)
        return {row[0]: int(row[1]) for row in self._connection.execute(wanted)}
