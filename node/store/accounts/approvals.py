"""What waits for a second person, inside one transaction; a request is decided by one conditional UPDATE."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Row, bindparam, insert, select, update
from sqlmodel import Field

from keys.message import pack, unpack
from node.errors import ConflictError, NotFoundError
from node.store.accounts.records import Approval, Outcome
from node.store.tables import Rows, TableModel, record, table, values_of


class ApprovalRow(TableModel):
    """A request for a second person, and what was decided; nothing deletes one."""

    __tablename__ = "approval"

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=64)
    subject: str = Field(max_length=1024)
    payload: bytes
    requested_by: str = Field(max_length=64)
    requested_ms: int = Field(sa_type=BigInteger)
    decided_by: str = Field(max_length=64)
    decided_ms: int | None = Field(default=None, sa_type=BigInteger)
    outcome: str = Field(max_length=16)
    reason: str = Field(max_length=1024)
    acted_ms: int | None = Field(default=None, sa_type=BigInteger)
    result: str = Field(max_length=1024)


_TABLE = table(ApprovalRow)
_C = _TABLE.c
_BY_NUMBER: Final = select(_TABLE).where(_C.id == bindparam("number"))
_LONGEST = 1024
"""Characters of a subject or a result as it is kept."""


class ApprovalRows(Rows):
    """The `approval` table."""

    def add(
        self, *, kind: str, subject: str, payload: bytes, requested_by: str, requested_ms: int
    ) -> Approval:
        """Keep a request and give it its number."""
        request = Approval(
            id=0,
            kind=kind,
            subject=pack(subject, _LONGEST),
            payload=payload,
            requested_by=requested_by,
            requested_ms=requested_ms,
        )
        result = self._connection.execute(insert(_TABLE).values(values_of(request, "id")).returning(_C.id))
        return self.get(int(result.scalar_one()))

    def get(self, approval_id: int) -> Approval:
        """The request of that number; raises `NotFoundError`."""
        missing = NotFoundError(
            "there is no request {id}", approval_id, hint="see them with: sigfed approval ls"
        )
        return self._get(_record, _BY_NUMBER, missing, number=approval_id)

    def ls(self, *outcomes: Outcome) -> Sequence[Approval]:
        """Requests with these outcomes (none named: all), oldest first."""
        query = select(_TABLE).order_by(_C.id)
        if outcomes:
            query = query.where(_C.outcome.in_([outcome.value for outcome in outcomes]))
        return self._records(_record, query)

    def decide(self, approval_id: int, *, by: str, now_ms: int, outcome: Outcome, reason: str = "") -> None:
        """Decide an open request; raises `ConflictError` when it is not open any more."""
        still_open = update(_TABLE).where(_C.id == approval_id, _C.outcome == Outcome.OPEN.value)
        values = {"decided_by": by, "decided_ms": now_ms, "outcome": outcome.value, "reason": reason}
        if self._connection.execute(still_open.values(values)).rowcount != 1:
            raise ConflictError("request {id} was decided meanwhile", approval_id)

    def note_acted(self, approval_id: int, *, result: str, now_ms: int) -> None:
        """Record that an approved request was carried out."""
        values = {"acted_ms": now_ms, "result": pack(result, _LONGEST)}
        self._connection.execute(update(_TABLE).where(_C.id == approval_id).values(values))


def _record(row: Row[Any]) -> Approval:
    return record(Approval, row, subject=unpack(row.subject), result=unpack(row.result))
