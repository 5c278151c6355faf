"""The tables of what other members say they hold, of evidence, and of what people released."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("pair", sa.String(64), nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("released_ms", sa.BigInteger),
        sa.UniqueConstraint("subject", "kind", "pair"),
    )
    op.create_table(
        "heard_head",
        sa.Column("origin", sa.String(255), primary_key=True),
        sa.Column("source", sa.String(255), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
        sa.Column("heard_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "released_block",
        sa.Column("origin", sa.String(255), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("released_ms", sa.BigInteger, nullable=False),
    )
