"""When a report ended, with which release, and its place among those that did; what ended before is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

_NAMES = ("ended_ms", "ended_version", "ended_number")


def upgrade() -> None:
    """Make the columns."""
    for name in _NAMES:
        op.add_column("hit_report", sa.Column(name, sa.BigInteger, nullable=True))
    op.create_index("ix_hit_report_ended", "hit_report", ["ended_number"], unique=True)
