"""Moving a node's tables out of the SQLite file of its home into PostgreSQL.

All rows go in one transaction, and are read back in it, while nobody writes. From then on whoever still has the file
open fails instead of writing where nobody looks any more; the configuration names the database, and the file is
deleted. Killed anywhere, the same command goes on.

What is deleted has another name by then, and says by itself that it was moved: a command that read the configuration
before must find no older state of the file without the log that SQLite keeps beside it, and write there.
"""

from pathlib import Path

from node import config
from node.config import StoreSettings
from node.errors import AlreadyExistsError, UsageError
from node.files import remove_private, replace_private, sync_folder
from node.home import Home
from node.identity.lease import claim_of, require_lease
from node.identity.lock import running
from node.store.copy import is_moved, move_in
from node.store.driver import on_server


def move_tables(home: Home, wanted: StoreSettings) -> int:
    """Move the tables of the node in `home` to the DSN of `wanted`; how many rows, 0 where they were there.

    Raises:
        StoreLockedError: the node runs, or the database belongs to another home; or somebody reads what was moved.
        AlreadyExistsError: another store is at that address; or tables are in the file, though the configuration
            names the database.
        VerificationError: what was read back is not what was written.
        UsageError: the tables are in another database already, or were being moved there; or the address is none of
            PostgreSQL.
    """
    settings, rows = config.load(home.folder), 0
    if not on_server(wanted.dsn):
        raise UsageError("tables move into PostgreSQL", hint="--to postgresql+psycopg://USER@HOST/DATABASE")
    with running(home):
        require_lease(home, settings)
        if settings.store.dsn not in {"", wanted.dsn}:
            raise UsageError("the tables are in another database already")
        if not settings.store.dsn:
            # First, so that a configuration that cannot be changed is named before anything is copied.
            text = config.with_store(home.folder, wanted)
            claim = claim_of(home, settings.model_copy(update={"store": wanted}))
            rows = move_in(home.database, wanted.dsn, claim)
            replace_private(home.config, text.encode())
        _let_go(home.database, home.moved_database)
    return rows


def _let_go(database: Path, moved: Path) -> None:
    """Delete the file whose rows are all in the database, with what SQLite keeps beside it."""
    if database.exists():
        if not is_moved(database):
            raise AlreadyExistsError(
                "{path} holds tables that no move has copied, and sigfed.toml names a database",
                database,
                hint="take store.dsn out of sigfed.toml again, then: sigfed store move --to that address",
            )
        database.rename(moved)
        sync_folder(moved.parent)
    for suffix in ("-wal", "-shm"):
        remove_private(database.with_name(f"{database.name}{suffix}"))
    remove_private(moved)
