"""How often older events of a list were opened: what was judged before is out of date then, though no head moved."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the column."""
    op.add_column("log", sa.Column("reopened", sa.BigInteger, nullable=False, server_default="0"))
