"""Hit reports and partners' cases, inside one transaction."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.errors import AlreadyExistsError, ConflictError
from node.ports.hits import CaseRecord, HitRecord
from node.store.tables import table
from node.store.tables_hits import HitReportRow, HitResolutionRow, HitSourceRow, PartnerCase

_HIT, _CASE = table(HitReportRow), table(PartnerCase)


class HitRows:
    """The `hit_report` table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, hit: HitRecord) -> None:
        """Keep a report; raises `AlreadyExistsError` when the partner has another of that id."""
        try:
            self._connection.execute(insert(_HIT).values(_values(hit)))
        except IntegrityError:
            raise AlreadyExistsError("a report of this id was kept meanwhile") from None

    def find(self, partner: str, report_id: bytes) -> HitRecord | None:
        """A partner's report; None when there is none."""
        wanted = select(_HIT).where(_HIT.c.partner == partner, _HIT.c.report_id == report_id)
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else _hit(row)

    def ls(self) -> Sequence[HitRecord]:
        """All reports, newest first."""
        wanted = select(_HIT).order_by(_HIT.c.received_ms.desc(), _HIT.c.partner, _HIT.c.report_id)
        return [_hit(row) for row in self._connection.execute(wanted)]

    def found_earlier(self, partner: str, *, epoch: int) -> int:
        """How many of a partner's reports in an epoch are of hits that it found in an earlier one."""
        these = (_HIT.c.partner == partner, _HIT.c.epoch == epoch, _HIT.c.found_epoch.is_not(None))
        return int(
            self._connection.execute(select(func.count()).select_from(_HIT).where(*these)).scalar_one()
        )

    def received_since(self, partner: str, *, since_ms: int) -> int:
        """How many reports of a partner came at `since_ms` or later."""
        these = (_HIT.c.partner == partner, _HIT.c.received_ms >= since_ms)
        return int(
            self._connection.execute(select(func.count()).select_from(_HIT).where(*these)).scalar_one()
        )

    def reseal(self, hit: HitRecord, sealed: bytes) -> None:
        """Replace what is sealed of a report, in which something was shredded."""
        this = (_HIT.c.partner == hit.partner, _HIT.c.report_id == hit.report_id)
        self._connection.execute(update(_HIT).where(*this).values(sealed=sealed))

    def close(self, hit: HitRecord, *, closed_ms: int) -> None:
        """Mark a report as dealt with; one that is closed stays as it is."""
        this = (_HIT.c.partner == hit.partner, _HIT.c.report_id == hit.report_id, _HIT.c.closed_ms.is_(None))
        self._connection.execute(update(_HIT).where(*this).values(closed_ms=closed_ms))

    def hold(self, hit: HitRecord, *, held_ms: int | None) -> None:
        """Keep a report from being purged, or (None) no longer."""
        this = (_HIT.c.partner == hit.partner, _HIT.c.report_id == hit.report_id)
        self._connection.execute(update(_HIT).where(*this).values(held_ms=held_ms))

    def purge(self, hit: HitRecord) -> None:
        """Delete a report with its resolutions, its case and what says which entries are behind it."""
        for rows in (table(HitSourceRow), table(HitResolutionRow), _CASE, _HIT):
            this = (rows.c.partner == hit.partner, rows.c.report_id == hit.report_id)
            self._connection.execute(delete(rows).where(*this))


class PartnerCaseRows:
    """The `partner_case` table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, case: CaseRecord) -> None:
        """Open a case; raises `AlreadyExistsError` when there is one for that report."""
        try:
            self._connection.execute(insert(_CASE).values(_values(case)))
        except IntegrityError:
            raise AlreadyExistsError("a case for this report was opened meanwhile") from None

    def find(self, partner: str, report_id: bytes) -> CaseRecord | None:
        """The case of a partner's report; None when there is none."""
        wanted = select(_CASE).where(_CASE.c.partner == partner, _CASE.c.report_id == report_id)
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else _case(row)

    def ls(self) -> Sequence[CaseRecord]:
        """All cases: open ones first, of these the one that is due first."""
        answered = _CASE.c.answered_ms.is_not(None)
        wanted = select(_CASE).order_by(answered, _CASE.c.due_ms, _CASE.c.partner, _CASE.c.report_id)
        return [_case(row) for row in self._connection.execute(wanted)]

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


def _values(record: HitRecord | CaseRecord) -> dict[str, Any]:
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _hit(row: Row[Any]) -> HitRecord:
    return HitRecord(
        partner=row.partner,
        report_id=bytes(row.report_id),
        subset=row.subset,
        version=row.version,
        collection=row.collection,
        algorithm=row.algorithm,
        received_ms=row.received_ms,
        epoch=row.epoch,
        found_epoch=row.found_epoch,
        request_sha256=bytes(row.request_sha256),
        sealed=bytes(row.sealed),
        closed_ms=row.closed_ms,
        held_ms=row.held_ms,
    )


def _case(row: Row[Any]) -> CaseRecord:
    return CaseRecord(
        partner=row.partner,
        report_id=bytes(row.report_id),
        subset=row.subset,
        opened_ms=row.opened_ms,
        due_ms=row.due_ms,
        sealed_dispute=bytes(row.sealed_dispute),
        answered_ms=row.answered_ms,
        outcome=row.outcome,
        answer=bytes(row.answer),
    )
