"""Bringing the tables up to date: alembic, its migrations packaged beside this file.

The revision of `versions/vNNNN_name.py` is NNNN. A database that a newer version wrote is refused, never downgraded.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect

from node.errors import StoreError
from node.store.driver import begin_writing, lock_migrations

_FOLDER: Final = Path(__file__).parent / "migrations"


def newest_revision() -> str:
    """The revision that this version of the program wants."""
    return max(path.name[1:5] for path in (_FOLDER / "versions").glob("v[0-9]*.py"))


def revision_of(connection: Connection) -> str | None:
    """The revision of a database; None when no store is in it."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").one_or_none()
    return None if row is None else str(row[0])


def require_newest(connection: Connection) -> None:
    """Check that the tables are those of this version; raises `StoreError`."""
    if revision_of(connection) != newest_revision():
        raise StoreError(
            "the tables are of another version of this program",
            hint="install the version that the node runs on its own machine; that one is upgraded first",
        )


def migrate(engine: Engine, *, to: str = "head") -> None:
    """Run what is missing up to a revision, in one transaction; programs that run on write nothing any more.

    Raises `StoreError` for a newer version's database.
    """
    with engine.connect() as connection:
        revision = revision_of(connection)
    if revision == newest_revision():
        return
    if revision is not None and revision > newest_revision():
        raise StoreError(
            "the store was written by a newer version of this program", hint="upgrade the program"
        )
    from alembic import command  # noqa: PLC0415 - a tenth of a second that only an upgrade pays
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with begin_writing(engine) as connection, connection.begin():
        lock_migrations(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        if inspect(connection).has_table("lease"):
            # A program that runs on knows nothing of what is new and would leave it out: its lease is over.
            connection.exec_driver_sql("UPDATE lease SET term = term + 1")
