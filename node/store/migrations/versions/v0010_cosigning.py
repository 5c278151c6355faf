"""The tables of who cosigned own logs, and of what followers hold beyond a cosigned head."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cosigner",
        sa.Column("origin", sa.String(255), primary_key=True),
        sa.Column("witness", sa.String(128), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("cosigned_s", sa.BigInteger, nullable=False),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String(1024), nullable=False),
        sa.Column("alarm", sa.Boolean, nullable=False),
    )
    op.create_table(
        "overlay",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("base_size", sa.BigInteger, nullable=False),
        sa.Column("base_root", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
