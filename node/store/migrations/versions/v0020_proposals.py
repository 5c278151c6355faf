"""The tables of partners' proposals and of their files."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "proposal",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("proposal_id", sa.LargeBinary, primary_key=True),
        sa.Column("subset", sa.String(64), nullable=False),
        sa.Column("claim", sa.Integer, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("closed_ms", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "proposed_file",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("proposal_id", sa.LargeBinary, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("decided_ms", sa.BigInteger, nullable=True),
    )
