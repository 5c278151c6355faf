"""The tables of partners: invitations, partners with their allowance, used assertion ids."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "invite",
        sa.Column("invite_id", sa.LargeBinary, primary_key=True),
        sa.Column("partner", sa.String(64), nullable=False, unique=True),
        sa.Column("subset", sa.String(64), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("evaluations_per_day", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
    )
    op.create_table(
        "partner",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("subset", sa.String(64), nullable=False),
        sa.Column("auth_key", sa.LargeBinary, nullable=False),
        sa.Column("evaluations_per_day", sa.BigInteger, nullable=False),
        sa.Column("added_ms", sa.BigInteger, nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("level", sa.BigInteger, nullable=False),
        sa.Column("level_ms", sa.BigInteger, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "used_assertion",
        sa.Column("issuer", sa.String(128), primary_key=True),
        sa.Column("jti", sa.String(64), primary_key=True),
        sa.Column("expires_ms", sa.BigInteger, nullable=False, index=True),
    )
