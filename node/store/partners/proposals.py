"""Partners' proposals and what became of their files, inside one transaction."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import BigInteger, LargeBinary, Select, and_, delete, func, insert, select, update
from sqlmodel import Field

from node.errors import AlreadyExistsError
from node.store.driver import owe_vacuum
from node.store.partners.records import FileRecord, ProposalRecord
from node.store.tables import Rows, TableModel, table, values_of
from protocol.statement.proposal_state import FileState


class ProposalRow(TableModel):
    """One proposal; what it says is sealed."""

    __tablename__ = "proposal"

    partner: str = Field(max_length=64, primary_key=True)
    proposal_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    subset: str = Field(max_length=64)
    claim: int
    files: int
    received_ms: int = Field(sa_type=BigInteger)
    sealed: bytes
    closed_ms: int | None = Field(default=None, sa_type=BigInteger)


class ProposedFileRow(TableModel):
    """What became of one file of a proposal."""

    __tablename__ = "proposed_file"

    partner: str = Field(max_length=64, primary_key=True)
    proposal_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    number: int = Field(primary_key=True)
    state: int
    reason: str = Field(max_length=500)
    origin: str = Field(max_length=255)
    decided_ms: int | None = Field(default=None, sa_type=BigInteger)


_PROPOSAL, _FILE = table(ProposalRow), table(ProposedFileRow)
_WAITS = _FILE.c.state == int(FileState.WAITING)


class ProposalRows(Rows):
    """The `proposal` and `proposed_file` tables."""

    def add(self, proposal: ProposalRecord) -> None:
        """Keep a proposal, all of its files waiting; raises `AlreadyExistsError` when the partner has that id."""
        self._insert(
            _PROPOSAL, values_of(proposal), AlreadyExistsError("a proposal of this id was kept meanwhile")
        )
        name = {"partner": proposal.partner, "proposal_id": proposal.proposal_id}
        waiting = (FileRecord(number=each, state=FileState.WAITING) for each in range(1, proposal.files + 1))
        self._connection.execute(insert(_FILE), [values_of(each, **name) for each in waiting])

    def find(self, partner: str, proposal_id: bytes) -> ProposalRecord | None:
        """A partner's proposal; None when there is none."""
        wanted = select(_PROPOSAL).where(
            _PROPOSAL.c.partner == partner, _PROPOSAL.c.proposal_id == proposal_id
        )
        return self._find(ProposalRecord, wanted)

    def ls(self) -> Sequence[ProposalRecord]:
        """All proposals: open ones first, of these the oldest."""
        return self._records(ProposalRecord, _in_order())

    def page(self, *, skip: int, limit: int) -> Sequence[ProposalRecord]:
        """Up to `limit` of them in that order, after the first `skip`."""
        return self._records(ProposalRecord, _in_order().offset(skip).limit(limit))

    def names(self) -> Sequence[tuple[str, bytes]]:
        """Partner and id of every proposal: all of them at once may be more than fits into memory."""
        wanted = select(_PROPOSAL.c.partner, _PROPOSAL.c.proposal_id)
        return [(row.partner, bytes(row.proposal_id)) for row in self._connection.execute(wanted)]

    def open_count(self) -> int:
        """How many proposals have files that wait."""
        return self._count_of(_PROPOSAL, _PROPOSAL.c.closed_ms.is_(None))

    def files(self, proposal: ProposalRecord) -> Sequence[FileRecord]:
        """What became of its files, in their order."""
        wanted = select(_FILE).where(_files_of(proposal)).order_by(_FILE.c.number)
        return self._records(FileRecord, wanted)

    def received_since(self, partner: str, *, since_ms: int) -> tuple[int, int]:
        """How many proposals of a partner, with how many files, came at `since_ms` or later."""
        these = (_PROPOSAL.c.partner == partner, _PROPOSAL.c.received_ms >= since_ms)
        counts = select(func.count(), func.coalesce(func.sum(_PROPOSAL.c.files), 0)).where(*these)
        proposals, files = self._connection.execute(counts).one()
        return int(proposals), int(files)

    def waiting(self, partner: str) -> int:
        """How many of a partner's files nobody decided yet."""
        return self._count_of(_FILE, _FILE.c.partner == partner, _WAITS)

    def decide(self, proposal: ProposalRecord, numbers: Collection[int], outcome: FileRecord) -> int:
        """Give the outcome to those of these files that wait; returns how many. The last one closes the proposal."""
        these = (_files_of(proposal), _FILE.c.number.in_(numbers), _WAITS)
        decided = update(_FILE).where(*these).values(values_of(outcome, "number"))
        count = self._connection.execute(decided).rowcount
        if not self._count_of(_FILE, _files_of(proposal), _WAITS):
            this = (_this(proposal), _PROPOSAL.c.closed_ms.is_(None))
            closed = update(_PROPOSAL).where(*this).values(closed_ms=outcome.decided_ms)
            self._connection.execute(closed)
        return count

    def reseal(self, proposal: ProposalRecord, sealed: bytes) -> None:
        """Replace what is sealed of a proposal, of which something was deleted."""
        self._connection.execute(update(_PROPOSAL).where(_this(proposal)).values(sealed=sealed))

    def forget(self, *, closed_before_ms: int) -> int:
        """Delete proposals that were closed before; returns how many."""
        old = select(_PROPOSAL.c.partner, _PROPOSAL.c.proposal_id).where(
            _PROPOSAL.c.closed_ms < closed_before_ms
        )
        found = self._connection.execute(old).all()
        if found:
            owe_vacuum(self._connection)
        for partner, proposal_id in found:
            of_it = and_(_FILE.c.partner == partner, _FILE.c.proposal_id == proposal_id)
            self._connection.execute(delete(_FILE).where(of_it))
            this = and_(_PROPOSAL.c.partner == partner, _PROPOSAL.c.proposal_id == proposal_id)
            self._connection.execute(delete(_PROPOSAL).where(this))
        return len(found)


def _in_order() -> Select[Any]:
    closed = _PROPOSAL.c.closed_ms.is_not(None)
    return select(_PROPOSAL).order_by(
        closed, _PROPOSAL.c.received_ms, _PROPOSAL.c.partner, _PROPOSAL.c.proposal_id
    )


def _this(proposal: ProposalRecord) -> Any:
    return and_(_PROPOSAL.c.partner == proposal.partner, _PROPOSAL.c.proposal_id == proposal.proposal_id)


def _files_of(proposal: ProposalRecord) -> Any:
    return and_(_FILE.c.partner == proposal.partner, _FILE.c.proposal_id == proposal.proposal_id)
