"""Recipients change over to another key: the hash of the one before, and until when it counts."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the columns; nobody has a key from before."""
    op.add_column(
        "recipient", sa.Column("old_key_sha256", sa.LargeBinary, nullable=False, server_default=sa.text("''"))
    )
    op.add_column("recipient", sa.Column("old_until_ms", sa.BigInteger, nullable=False, server_default="0"))
