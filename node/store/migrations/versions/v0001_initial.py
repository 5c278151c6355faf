"""The tables of a holding node: logs, waiting changes, the look-up index, guards, peers, data keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _logs()
    _batches("pending_batch")
    _batches("case_batch")
    _entry_index()
    _guards()
    _peers()
    op.create_table(
        "data_key",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )


def _logs() -> None:
    op.create_table(
        "log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("origin", sa.String(255), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("node", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("note", sa.LargeBinary),
        sa.Column("pending_size", sa.BigInteger),
        sa.Column("pending_root", sa.LargeBinary),
        sa.Column("pending_frontier", sa.LargeBinary),
        sa.Column("pending_time_ms", sa.BigInteger),
        sa.Column("pending_note", sa.LargeBinary),
        sa.Column("tail", sa.BigInteger, nullable=False),
        sa.Column("checked_ms", sa.BigInteger, nullable=False),
    )


def _batches(name: str) -> None:
    op.create_table(
        name,
        sa.Column("log_id", sa.Integer, sa.ForeignKey("log.id"), primary_key=True),
        sa.Column("first", sa.BigInteger, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("object", sa.String(255), nullable=False),
    )


def _entry_index() -> None:
    op.create_table(
        "entry_index",
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("collection", sa.Integer, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sqlite_with_rowid=False,
    )


def _guards() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("log_id", sa.Integer, sa.ForeignKey("log.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("released_ms", sa.BigInteger),
    )
    op.create_table(
        "intake",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("log_id", sa.Integer, sa.ForeignKey("log.id"), nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("adds", sa.Integer, nullable=False),
        sa.Column("withdrawals", sa.Integer, nullable=False),
        sa.Index("ix_intake_log_received", "log_id", "received_ms"),
    )


def _peers() -> None:
    op.create_table(
        "peer",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("node_document", sa.LargeBinary, nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("members", sa.LargeBinary, nullable=False),
        sa.Column("grant_json", sa.String, nullable=False),
        sa.Column("added_ms", sa.BigInteger, nullable=False),
        sa.Column("synced_ms", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("outcome", sa.String, nullable=False, server_default=""),
    )
