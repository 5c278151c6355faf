"""The tables of tombstones and of what peers acknowledged."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    _shredding()
    _acknowledgements()
    _withdrawals()


def _shredding() -> None:
    op.create_table(
        "shredding",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("by", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.LargeBinary),
        sa.Column("erased_ms", sa.BigInteger),
    )
    op.create_table(
        "tombstone",
        sa.Column("mac", sa.LargeBinary, primary_key=True),
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("by", sa.BigInteger, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("blocks", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "standing",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("mac", sa.LargeBinary, nullable=False, index=True),
    )


def _acknowledgements() -> None:
    op.create_table(
        "acknowledgement",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("peer", sa.String(255), primary_key=True),
        sa.Column("held_size", sa.BigInteger, nullable=False),
        sa.Column("released_size", sa.BigInteger),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "acknowledged",
        sa.Column("origin", sa.String(255), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "judged_list",
        sa.Column("subset", sa.String(64), primary_key=True),
        sa.Column("origin", sa.String(255), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
    )


def _withdrawals() -> None:
    op.create_table(
        "withdrawal",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("published_ms", sa.BigInteger),
    )
    op.create_table(
        "reached",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("peer", sa.String(255), primary_key=True),
        sa.Column("held_ms", sa.BigInteger),
        sa.Column("released_ms", sa.BigInteger),
    )
