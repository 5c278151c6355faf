"""Partners renew their keys: since when a key is known, the key before it, and until when that counts."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the columns; a key that is there came with its partner."""
    op.add_column("partner", sa.Column("key_ms", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("partner", sa.Column("old_key", sa.LargeBinary, nullable=True))
    op.add_column("partner", sa.Column("old_until_ms", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(sa.text("UPDATE partner SET key_ms = added_ms"))
