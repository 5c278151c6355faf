"""The tables of partners' hit reports, what became of them, and of the cases that their disputes opened."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, text

from node.store.tables import METADATA

HIT_REPORT: Final = Table(
    "hit_report",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("report_id", LargeBinary, primary_key=True),
    Column("subset", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("collection", Integer, nullable=False),
    Column("algorithm", Integer, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("found_epoch", BigInteger),
    Column("request_sha256", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("closed_ms", BigInteger),
    Column("held_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("ended_version", BigInteger),
    Column("ended_number", BigInteger),
    Index("ix_hit_report_received", "received_ms", "partner", "report_id"),
    Index(
        "ix_hit_report_open",
        "received_ms",
        "partner",
        "report_id",
        sqlite_where=text("closed_ms IS NULL"),
        postgresql_where=text("closed_ms IS NULL"),
    ),
    Index("ix_hit_report_id", "report_id"),
    Index("ix_hit_report_ended", "ended_number", unique=True),
)
"""One verified report; what it says is sealed."""

HIT_RESOLUTION: Final = Table(
    "hit_resolution",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("report_id", LargeBinary, primary_key=True),
    Column("done_ms", BigInteger, primary_key=True),
    Column("action", Integer, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)
"""One statement of a partner about a report: what became of the file."""

HIT_SOURCE: Final = Table(
    "hit_source",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("report_id", LargeBinary, primary_key=True),
    Column("origin", String(255), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Index("ix_hit_source_entry", "origin", "position", "received_ms"),
)
"""One entry behind a report."""

PARTNER_CASE: Final = Table(
    "partner_case",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("report_id", LargeBinary, primary_key=True),
    Column("subset", String(64), nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("sealed_dispute", LargeBinary, nullable=False),
    Column("answered_ms", BigInteger),
    Column("outcome", Integer),
    Column("answer", LargeBinary, nullable=False),
)
"""One dispute of a reported hit; the partner's words are sealed."""
