"""Indexes to read reports of hits by page, open ones alone, and by what somebody types of an id."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_PLACE = ["received_ms", "partner", "report_id"]


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_hit_report_received", "hit_report", _PLACE)
    is_open = sa.text("closed_ms IS NULL")
    op.create_index(
        "ix_hit_report_open", "hit_report", _PLACE, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index("ix_hit_report_id", "hit_report", ["report_id"])
