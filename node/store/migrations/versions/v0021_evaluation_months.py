"""How many evaluations were made in months that are over; before, each partner's last month alone was known."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Make the table; where there are partners, their newest month and those before were not all counted."""
    op.create_table(
        "evaluation_month",
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("evaluations", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
    )
    op.execute(
        "INSERT INTO evaluation_month (month, evaluations, whole)"
        " SELECT max(month), 0, false FROM partner WHERE month <> '' HAVING max(month) IS NOT NULL"
    )
