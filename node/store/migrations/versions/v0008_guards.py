"""The tables of what the guards compare with, and the disputes of each pull."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "benign_set",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("file", sa.String(128), nullable=False),
        sa.Column("hashes", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("added_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tripwire",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.BigInteger, nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("added_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "set_aside_row",
        sa.Column("quarantine_id", sa.Integer, sa.ForeignKey("quarantine.id"), primary_key=True),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False, index=True),
    )
    op.add_column("intake", sa.Column("disputes", sa.Integer, nullable=False, server_default="0"))
