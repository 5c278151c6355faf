"""New stores without running every migration for each: the tables of an empty one, made once, are copied.

What is copied is what the migrations make; that they do, and what they do to older stores, is tested on stores that are
made without this (`tests/service/test_store_opening.py`).
"""

import os
import sqlite3
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import delete, make_url

from node.clock import Entropy
from node.store.driver import SQLITE
from node.store.store import Store, connected
from node.store.tables import DataKey, table
from support.postgres import PostgresServer


def new_store(dsn: str, *, storage_key: bytes, entropy: Entropy = os.urandom) -> Store:
    """What `Store.create` makes at an address where nothing is."""
    url = make_url(dsn)
    if url.get_backend_name() == SQLITE:
        file = Path(url.database or "")
        assert not file.exists(), "there is something already"
        file.touch(mode=0o600)
        file.write_bytes(_tables())
    return Store.create(dsn, storage_key=storage_key, entropy=entropy)


def database_with_tables(server: PostgresServer) -> str:
    """DSN of a new PostgreSQL database with all tables and nothing in them: `new_store` makes a store of it."""
    return server.database(like=_template(server))


@cache
def _template(server: PostgresServer) -> str:
    dsn = server.database()
    _make_tables(dsn)
    return dsn


@cache
def _tables() -> bytes:
    """A SQLite file with all tables and nothing in them."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "sigfed.db")
        _make_tables(f"sqlite:///{file}")
        connection = sqlite3.connect(file)
        try:
            connection.execute("VACUUM")
            return connection.serialize()
        finally:
            connection.close()


def _make_tables(dsn: str) -> None:
    """A store whose creation was cut off before its keys were made."""
    Store.create(dsn, storage_key=bytes(32), entropy=os.urandom).dispose()
    with connected(make_url(dsn)) as engine:
        with engine.begin() as connection:
            connection.execute(delete(table(DataKey)))
        engine.dispose()
