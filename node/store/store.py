"""Opening a store, and its units of work.

`create` makes the tables and the data keys once; `open` refuses what is not there, so that a mistyped path cannot
become a second, empty store. Failures of the database become `StoreError`s without its statements or values.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from sqlalchemy import URL, Connection, Engine, insert, select
from sqlalchemy.exc import DBAPIError, OperationalError

from node.clock import Entropy
from node.errors import AlreadyExistsError, NotInitialisedError, StoreError, StoreLockedError
from node.services.vault import KEY_BYTES, Vault, unwrap, wrap
from node.store.driver import SQLITE, begin_reading, begin_writing, connect, parse_dsn, scrub
from node.store.migrating import migrate, revision_of
from node.store.tables import DataKey, table
from node.store.unit import UnitOfWork

INDEX_KEY: Final = "index"
TOMBSTONE_KEY: Final = "tombstone"


class Store:
    """A database of one node; threads may share it, each unit of work has its own connection."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self.vault = vault

    @classmethod
    def create(cls, dsn: str, *, storage_key: bytes, entropy: Entropy) -> Self:
        """Make the tables and the data keys of a new node; raises `AlreadyExistsError`."""
        url = parse_dsn(dsn)
        _private_file(url)
        with connected(url) as engine:
            migrate(engine)
            _make_keys(engine, storage_key, entropy)
            return cls(engine, _vault(engine, storage_key, entropy))

    @classmethod
    def open(cls, dsn: str, *, storage_key: bytes, entropy: Entropy) -> Self:
        """The store at `dsn`, its tables brought up to date.

        Raises:
            NotInitialisedError: there is none.
            StoreError: it was made with another storage key, or by a newer version.
        """
        url = parse_dsn(dsn)
        if url.get_backend_name() == SQLITE and not Path(url.database or "").is_file():
            raise NotInitialisedError(
                "there is no store at this address", hint="create one with: sigfed init"
            )
        with connected(url) as engine:
            with engine.connect() as connection:
                if revision_of(connection) is None:
                    raise NotInitialisedError(
                        "the database has no store in it", hint="create one with: sigfed init"
                    )
            migrate(engine)
            return cls(engine, _vault(engine, storage_key, entropy))

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A consistent view; writing in it is a programmer's mistake."""
        with translated(), begin_reading(self._engine) as connection:
            yield UnitOfWork(connection)

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """A transaction: committed when the block ends, rolled back when it raises."""
        with translated(), begin_writing(self._engine) as connection, connection.begin():
            yield UnitOfWork(connection)

    def scrub(self) -> None:
        """Overwrite what deleted rows left in SQLite's log file; PostgreSQL's VACUUM comes by itself."""
        with translated():
            scrub(self._engine)

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _private_file(url: URL) -> None:
    """SQLite makes files with the process's umask; the database must be its owner's from the first byte."""
    if url.get_backend_name() != SQLITE:
        return
    try:
        Path(url.database or "").touch(mode=0o600)
    except OSError as exc:
        raise StoreError(f"the database file cannot be made: {exc.strerror}") from exc


def _make_keys(engine: Engine, storage_key: bytes, entropy: Entropy) -> None:
    rows = [
        {"name": name, "wrapped": wrap(storage_key, name, entropy(KEY_BYTES), entropy)}
        for name in (INDEX_KEY, TOMBSTONE_KEY)
    ]
    with begin_writing(engine) as connection, connection.begin():
        # The keys are what makes a store: tables without them are a creation that was cut off.
        if connection.execute(select(table(DataKey).c.name)).first() is not None:
            raise AlreadyExistsError("there is a store at this address already")
        connection.execute(insert(table(DataKey)), rows)


def _vault(engine: Engine, storage_key: bytes, entropy: Entropy) -> Vault:
    with engine.connect() as connection:
        index, tombstone = (_wrapped(connection, name) for name in (INDEX_KEY, TOMBSTONE_KEY))
    return Vault(
        storage_key,
        unwrap(storage_key, INDEX_KEY, index),
        entropy,
        tombstone_key=unwrap(storage_key, TOMBSTONE_KEY, tombstone),
    )


def _wrapped(connection: Connection, name: str) -> bytes:
    keys = table(DataKey)
    row = connection.execute(select(keys.c.wrapped).where(keys.c.name == name)).one_or_none()
    if row is None:
        raise StoreError(f"the store has no {name} key", hint="its creation was cut off; create it again")
    return bytes(row[0])


@contextmanager
def connected(url: URL) -> Iterator[Engine]:
    """An engine that is closed again when opening the store fails."""
    engine = connect(url)
    try:
        with translated():
            yield engine
    except BaseException:
        engine.dispose()
        raise


@contextmanager
def translated() -> Iterator[None]:
    """Failures of the database become `StoreError`s without its statements or values."""
    try:
        yield
    except OperationalError as exc:
        if "locked" in str(exc.orig):
            raise StoreLockedError(
                "the store is in use by another process", hint="try again in a moment"
            ) from None
        raise StoreError(f"the database failed: {type(exc.orig).__name__}", hint="is it running?") from None
    except DBAPIError as exc:
        # The text of these errors shows statements with their values.
        raise StoreError(f"the database refused: {type(exc.orig).__name__}") from None
