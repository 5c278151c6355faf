"""Which neighbouring entries are of one file. What the lists hold already is read by the first that judges."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Make the table, and let each list be read into it."""
    op.create_table(
        "file_run",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("file", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute("UPDATE log SET touched = 0")
