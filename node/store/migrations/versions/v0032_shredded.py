"""Of which file something was that was shredded, and which answer of a release: the next one begins from these."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Both are written from now on."""
    op.add_column("shredding", sa.Column("file", sa.BigInteger, nullable=True))
    op.create_index(
        "ix_listed_shredded",
        "listed",
        ["subset"],
        sqlite_where=sa.text("algorithm = 0"),
        postgresql_where=sa.text("algorithm = 0"),
    )
