"""Trust files of peers by name: all their roots and TUF metadata beside the node document and the register."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_COLUMNS = {"root": "1.root.json", "node_document": "node.json", "members": "members.json"}


def upgrade() -> None:
    """Make the table, move what the peers' rows hold into it, and take a sync as the day the keys were confirmed."""
    op.create_table(
        "peer_file",
        sa.Column("peer", sa.String(255), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.add_column("peer", sa.Column("confirmed_ms", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(
        "UPDATE peer SET confirmed_ms = CASE WHEN synced_ms > added_ms THEN synced_ms ELSE added_ms END"
    )
    for column, name in _COLUMNS.items():
        op.execute(
            f"INSERT INTO peer_file (peer, name, content) SELECT name, '{name}', {column} FROM peer"  # noqa: S608
            f" WHERE length({column}) > 0"
        )
        op.drop_column("peer", column)
