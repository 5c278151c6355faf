"""What people name by a number never gets that of another which is gone; PostgreSQL gave none twice before."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """SQLite keeps the last number of a table that was made so."""
    if op.get_context().dialect.name != "sqlite":
        return
    for name in ("console_session", "passkey", "tripwire"):
        with op.batch_alter_table(name, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass
