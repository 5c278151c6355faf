"""What releases list, by keyed hash. What older versions kept of it in objects is read by the first that needs it."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Make the table, and up to which release it was written of each subset."""
    op.create_table(
        "listed",
        sa.Column("subset", sa.String(64), primary_key=True),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("rest", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ended", sa.BigInteger, nullable=True),
        sa.Column("tag", sa.BigInteger, nullable=False),
        sa.Column("label", sa.BigInteger, nullable=False),
        sa.Column("algorithm", sa.Integer, nullable=False),
        sa.Column("collections", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_listed_ended",
        "listed",
        ["subset", "ended"],
        sqlite_where=sa.text("ended IS NOT NULL"),
        postgresql_where=sa.text("ended IS NOT NULL"),
    )
    op.add_column("subset", sa.Column("listed", sa.BigInteger, nullable=False, server_default="0"))
