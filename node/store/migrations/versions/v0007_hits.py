"""The tables of hit reports, receipts and partners' cases."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "hit_report",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("report_id", sa.LargeBinary, primary_key=True),
        sa.Column("subset", sa.String(64), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("collection", sa.Integer, nullable=False),
        sa.Column("algorithm", sa.Integer, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("found_epoch", sa.BigInteger, nullable=True),
        sa.Column("request_sha256", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("closed_ms", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "partner_case",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("report_id", sa.LargeBinary, primary_key=True),
        sa.Column("subset", sa.String(64), nullable=False),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("sealed_dispute", sa.LargeBinary, nullable=False),
        sa.Column("answered_ms", sa.BigInteger, nullable=True),
        sa.Column("outcome", sa.Integer, nullable=True),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
