"""Hit reports and partners' cases, inside one transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Index,
    LargeBinary,
    and_,
    delete,
    exists,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlmodel import Field

from node.errors import AlreadyExistsError, ConflictError, NotFoundError
from node.store.driver import POSTGRESQL, owe_vacuum
from node.store.hits.records import (
    SAID_WITHIN_MS,
    CaseRecord,
    HitCounts,
    HitFilter,
    HitPlace,
    HitRecord,
    ReportName,
)
from node.store.tables import DAY, Rows, TableModel, table, values_of
from protocol.slices import slices


class HitReportRow(TableModel):
    """One verified report; what it says is sealed."""

    __tablename__ = "hit_report"
    __table_args__ = (
        Index("ix_hit_report_received", "received_ms", "partner", "report_id"),
        # Of open reports alone, as its migration says; said here too, every command would load PostgreSQL's dialect.
        Index("ix_hit_report_open", "received_ms", "partner", "report_id"),
        Index("ix_hit_report_id", "report_id"),
        Index("ix_hit_report_ended", "ended_number", unique=True),
    )

    partner: str = Field(max_length=64, primary_key=True)
    report_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    subset: str = Field(max_length=64)
    version: int = Field(sa_type=BigInteger)
    collection: int
    algorithm: int
    received_ms: int = Field(sa_type=BigInteger)
    epoch: int = Field(sa_type=BigInteger)
    found_epoch: int | None = Field(default=None, sa_type=BigInteger)
    request_sha256: bytes
    sealed: bytes
    closed_ms: int | None = Field(default=None, sa_type=BigInteger)
    held_ms: int | None = Field(default=None, sa_type=BigInteger)
    ended_ms: int | None = Field(default=None, sa_type=BigInteger)
    ended_version: int | None = Field(default=None, sa_type=BigInteger)
    ended_number: int | None = Field(default=None, sa_type=BigInteger)


class HitResolutionRow(TableModel):
    """One statement of a partner about a report: what became of the file."""

    __tablename__ = "hit_resolution"

    partner: str = Field(max_length=64, primary_key=True)
    report_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    done_ms: int = Field(primary_key=True, sa_type=BigInteger)
    action: int
    received_ms: int = Field(sa_type=BigInteger)
    receipt: bytes


class HitSourceRow(TableModel):
    """One entry behind a report."""

    __tablename__ = "hit_source"
    __table_args__ = (Index("ix_hit_source_entry", "origin", "position", "received_ms"),)

    partner: str = Field(max_length=64, primary_key=True)
    report_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    origin: str = Field(max_length=255, primary_key=True)
    position: int = Field(sa_type=BigInteger)
    received_ms: int = Field(sa_type=BigInteger)


class PartnerCase(TableModel):
    """One dispute of a reported hit; the partner's words are sealed."""

    __tablename__ = "partner_case"

    partner: str = Field(max_length=64, primary_key=True)
    report_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    subset: str = Field(max_length=64)
    opened_ms: int = Field(sa_type=BigInteger)
    due_ms: int = Field(sa_type=BigInteger)
    sealed_dispute: bytes
    answered_ms: int | None = Field(default=None, sa_type=BigInteger)
    outcome: int | None = None
    answer: bytes


_HIT, _CASE = table(HitReportRow), table(PartnerCase)
_RESOLUTION, _SOURCE = table(HitResolutionRow), table(HitSourceRow)
_PLACE = (_HIT.c.received_ms, _HIT.c.partner, _HIT.c.report_id)
_AT_ONCE: Final = 500
"""Entries that are named in one query."""
_SHOWN = [column for column in _HIT.c if column is not _HIT.c.sealed]


def among(rows: FromClause, reports: Collection[ReportName]) -> ColumnElement[bool]:
    """Whether a row belongs to one of some reports: of a page, so that a database takes all their names at once."""
    return tuple_(rows.c.partner, rows.c.report_id).in_(list(reports))


class HitRows(Rows):
    """The `hit_report` table."""

    def add(self, hit: HitRecord, sealed: bytes) -> None:
        """Keep a report with what it says; raises `AlreadyExistsError` when the partner has another of that id."""
        self._insert(
            _HIT, values_of(hit, sealed=sealed), AlreadyExistsError("a report of this id was kept meanwhile")
        )

    def find(self, partner: str, report_id: bytes) -> HitRecord | None:
        """A partner's report; None when there is none."""
        wanted = select(*_SHOWN).where(_HIT.c.partner == partner, _HIT.c.report_id == report_id)
        return self._find(HitRecord, wanted)

    def get(self, partner: str, subset: str, report_id: bytes) -> HitRecord:
        """A partner's report in a subset; raises `NotFoundError`, which tells the partner what to do."""
        found = self.find(partner, report_id)
        if found is None or found.subset != subset:
            raise NotFoundError("this partner has no such report", hint="report the hit first")
        return found

    def sealed(self, hit: HitRecord) -> bytes:
        """Report and receipt, sealed; raises `NotFoundError` when it was purged meanwhile."""
        this = (_HIT.c.partner == hit.partner, _HIT.c.report_id == hit.report_id)
        found = self._connection.execute(select(_HIT.c.sealed).where(*this)).scalar_one_or_none()
        if found is None:
            raise NotFoundError("this report is not kept any more")
        return bytes(found)

    def page(self, wanted: HitFilter, *, after: HitPlace | None, limit: int) -> Sequence[HitRecord]:
        """The first `limit` reports that are wanted, or those after a place: newest first.

        Unsaid ones come in the other order: the one that is late for longest first.
        """
        rows, place = select(*_SHOWN).where(*_wanted(wanted)).limit(limit), tuple_(*_PLACE)
        last = None if after is None else _place(after)
        if wanted.unsaid_since_ms is None:
            rows = rows.order_by(*(column.desc() for column in _PLACE))
            return self._records(HitRecord, rows if last is None else rows.where(place < last))
        return self._records(
            HitRecord, (rows if last is None else rows.where(place > last)).order_by(*_PLACE)
        )

    def counts(self, *, now_ms: int) -> HitCounts:
        """How many are open, and how many of these are overdue now."""
        numbers = select(
            func.count(),
            func.count().filter(_SAID),
            func.count().filter(_HIT.c.received_ms < now_ms - SAID_WITHIN_MS, ~_SAID),
            func.count().filter(_HIT.c.ended_ms.is_not(None)),
        )
        wanted = numbers.select_from(_HIT).where(_HIT.c.closed_ms.is_(None))
        is_open, resolved, overdue, withdrawn = self._connection.execute(wanted).one()
        return HitCounts(open=is_open, resolved=resolved, overdue=overdue, withdrawn=withdrawn)

    def between(self, first: bytes, last: bytes, *, partner: str) -> Sequence[HitRecord]:
        """Reports with ids from `first` to `last`, both included; of every partner where `partner` is empty."""
        rows = select(*_SHOWN).where(_HIT.c.report_id.between(first, last))
        return self._records(HitRecord, rows.where(_HIT.c.partner == partner) if partner else rows)

    def number(self, *conditions: ColumnElement[bool]) -> int:
        """How many meet all conditions; without any, how many there are."""
        return self._count_of(_HIT, *conditions)

    def found_earlier(self, partner: str, *, epoch: int) -> int:
        """How many of a partner's reports in an epoch are of hits that it found in an earlier one."""
        these = (_HIT.c.partner == partner, _HIT.c.epoch == epoch, _HIT.c.found_epoch.is_not(None))
        return self.number(*these)

    def received_since(self, partner: str, *, since_ms: int) -> int:
        """How many reports of a partner came at `since_ms` or later."""
        these = (_HIT.c.partner == partner, _HIT.c.received_ms >= since_ms)
        return self.number(*these)

    def by_day(self, *, since_ms: int) -> Mapping[int, int]:
        """How many reports came on each day, by its number since 1970 in UTC; days without any are left out."""
        day = (_HIT.c.received_ms // DAY).label("day")
        wanted = select(day, func.count()).where(_HIT.c.received_ms >= since_ms).group_by(day)
        return {int(row[0]): int(row[1]) for row in self._connection.execute(wanted)}

    def reseal(self, hit: HitRecord, sealed: bytes) -> None:
        """Replace what is sealed of a report, in which something was shredded."""
        this = (_HIT.c.partner == hit.partner, _HIT.c.report_id == hit.report_id)
        self._connection.execute(update(_HIT).where(*this).values(sealed=sealed))

    def close(self, hit: HitRecord, *, closed_ms: int) -> None:
        """Mark a report as dealt with; one that is closed stays as it is."""
        this = (_HIT.c.partner == hit.partner, _HIT.c.report_id == hit.report_id, _HIT.c.closed_ms.is_(None))
        self._connection.execute(update(_HIT).where(*this).values(closed_ms=closed_ms))

    def lock(self) -> None:
        """Let nobody else keep or end a report before this transaction is over; on SQLite nobody could."""
        if self._connection.dialect.name == POSTGRESQL:
            self._connection.execute(text("LOCK TABLE hit_report IN SHARE ROW EXCLUSIVE MODE"))

    def behind(self, subset: str, entries: Collection[tuple[str, int]]) -> Sequence[HitRecord]:
        """Reports in a subset that have not ended, behind which one of these entries is: list and position."""
        found: dict[ReportName, HitRecord] = {}
        mine = and_(_SOURCE.c.partner == _HIT.c.partner, _SOURCE.c.report_id == _HIT.c.report_id)
        for some in slices(sorted(entries), _AT_ONCE):
            rows = (
                select(*_SHOWN).join(_SOURCE, mine).where(_HIT.c.subset == subset, _HIT.c.ended_ms.is_(None))
            )
            these = tuple_(_SOURCE.c.origin, _SOURCE.c.position).in_(some)
            found |= {record.name: record for record in self._records(HitRecord, rows.where(these))}
        return list(found.values())

    def end(self, hit: HitRecord, *, ended_ms: int, version: int) -> None:
        """Mark a report as ended with a release, after all that ended before; one that did stays as it is."""
        last = self._connection.execute(select(func.max(_HIT.c.ended_number))).scalar_one() or 0
        this = (_HIT.c.partner == hit.partner, _HIT.c.report_id == hit.report_id, _HIT.c.ended_ms.is_(None))
        values = {"ended_ms": ended_ms, "ended_version": version, "ended_number": last + 1}
        self._connection.execute(update(_HIT).where(*this).values(values))

    def ended(self, partner: str, subset: str, *, after: bytes, limit: int) -> Sequence[HitRecord]:
        """A partner's reports that ended after the one with the id `after`, or all, in the order in which they did."""
        last = select(_HIT.c.ended_number).where(_HIT.c.partner == partner, _HIT.c.report_id == after)
        start = self._connection.execute(last).scalar_one_or_none() or 0
        these = (_HIT.c.partner == partner, _HIT.c.subset == subset, _HIT.c.ended_number > start)
        wanted = select(*_SHOWN).where(*these).order_by(_HIT.c.ended_number)
        return self._records(HitRecord, wanted.limit(limit))

    def hold(self, hit: HitRecord, *, held_ms: int | None) -> None:
        """Keep a report from being purged, or (None) no longer."""
        this = (_HIT.c.partner == hit.partner, _HIT.c.report_id == hit.report_id)
        self._connection.execute(update(_HIT).where(*this).values(held_ms=held_ms))

    def purge(self, hit: HitRecord) -> None:
        """Delete a report with its resolutions, its case and what says which entries are behind it."""
        owe_vacuum(self._connection)
        for rows in (_SOURCE, _RESOLUTION, _CASE, _HIT):
            this = (rows.c.partner == hit.partner, rows.c.report_id == hit.report_id)
            self._connection.execute(delete(rows).where(*this))


class PartnerCaseRows(Rows):
    """The `partner_case` table."""

    def add(self, case: CaseRecord) -> None:
        """Open a case; raises `AlreadyExistsError` when there is one for that report."""
        self._insert(
            _CASE, values_of(case), AlreadyExistsError("a case for this report was opened meanwhile")
        )

    def find(self, partner: str, report_id: bytes) -> CaseRecord | None:
        """The case of a partner's report; None when there is none."""
        wanted = select(_CASE).where(_CASE.c.partner == partner, _CASE.c.report_id == report_id)
        return self._find(CaseRecord, wanted)

    def of(self, reports: Collection[ReportName]) -> Mapping[ReportName, CaseRecord]:
        """The cases of those of a page of reports that have one."""
        wanted = select(_CASE).where(among(_CASE, reports))
        return {(found.partner, found.report_id): found for found in self._records(CaseRecord, wanted)}

    def ls(self) -> Sequence[CaseRecord]:
        """All cases: open ones first, of these the one that is due first."""
        answered = _CASE.c.answered_ms.is_not(None)
        wanted = select(_CASE).order_by(answered, _CASE.c.due_ms, _CASE.c.partner, _CASE.c.report_id)
        return self._records(CaseRecord, wanted)

    def answer(self, case: CaseRecord, *, outcome: int, answer: bytes, answered_ms: int) -> None:
        """Keep the answer; raises `ConflictError` when the case was answered before."""
        this = (
            _CASE.c.partner == case.partner,
            _CASE.c.report_id == case.report_id,
            _CASE.c.answered_ms.is_(None),
        )
        values = {"outcome": outcome, "answer": answer, "answered_ms": answered_ms}
        if self._connection.execute(update(_CASE).where(*this).values(values)).rowcount != 1:
            raise ConflictError("the case was answered before")


_SAID: Final = exists().where(
    _RESOLUTION.c.partner == _HIT.c.partner, _RESOLUTION.c.report_id == _HIT.c.report_id
)


def _wanted(wanted: HitFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.open or wanted.unsaid_since_ms is not None:
        conditions.append(_HIT.c.closed_ms.is_(None))
    if wanted.unsaid_since_ms is not None:
        conditions.append(and_(_HIT.c.received_ms < wanted.unsaid_since_ms, ~_SAID))
    if wanted.partner:
        conditions.append(_HIT.c.partner == wanted.partner)
    if wanted.origin:
        c = _SOURCE.c
        behind = (c.partner == _HIT.c.partner, c.report_id == _HIT.c.report_id, c.origin == wanted.origin)
        conditions.append(exists().where(*behind))
    return conditions


def _place(place: HitPlace) -> ColumnElement[Any]:
    return tuple_(*(literal(value, column.type) for value, column in zip(place, _PLACE, strict=True)))
