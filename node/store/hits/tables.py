"""The tables of partners' hit reports, what became of them, and of the cases that their disputes opened."""

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field

from node.store.tables import TableModel


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
