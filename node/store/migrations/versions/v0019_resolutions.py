"""What became of reported hits, which entries are behind them, and which are not to be purged."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the tables and the column; the entries behind older reports are in their sealed receipts alone."""
    op.create_table(
        "hit_resolution",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("report_id", sa.LargeBinary, primary_key=True),
        sa.Column("done_ms", sa.BigInteger, primary_key=True),
        sa.Column("action", sa.Integer, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "hit_source",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("report_id", sa.LargeBinary, primary_key=True),
        sa.Column("origin", sa.String(255), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_hit_source_entry", "hit_source", ["origin", "position", "received_ms"])
    op.add_column("hit_report", sa.Column("held_ms", sa.BigInteger, nullable=True))
