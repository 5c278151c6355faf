"""How many entries of each list are active. What is in the look-up index already is counted by the next publication."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Make the table, and note up to which look-up key it counts, where there are any: so far to none."""
    op.create_table(
        "entry_count",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("collection", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table("entry_counted", sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False))
    op.execute("INSERT INTO entry_counted SELECT DISTINCT -9223372036854775807 FROM entry_index")
