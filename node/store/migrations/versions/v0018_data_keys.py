"""Data keys say which storage key wraps them, and when they were made."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the columns; the first storage key wrapped what is there."""
    op.add_column("data_key", sa.Column("storage_key", sa.String(64), nullable=False, server_default="1"))
    op.add_column("data_key", sa.Column("made_ms", sa.BigInteger, nullable=False, server_default="0"))
