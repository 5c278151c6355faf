"""Which events a judgement of others needs. What the lists hold already is read by the first that judges."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Make the table, and how far each list was read into it."""
    op.create_table(
        "touch",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ref", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("op", sa.Integer, nullable=False),
        sa.Column("reach", sa.Integer, nullable=False),
        sa.Index("ix_touch_reach", "log_id", "reach"),
        sqlite_with_rowid=False,
    )
    op.add_column("log", sa.Column("touched", sa.BigInteger, nullable=False, server_default="0"))
