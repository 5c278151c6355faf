"""Which release of its subset each partner fetched last; nothing is known of what was fetched before."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "fetched_release",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("subset", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("fetched_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_fetched_release_version", "fetched_release", ["subset", "version"])
