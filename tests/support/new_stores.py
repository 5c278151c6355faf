"""New stores without running every migration for each: the tables of an empty one, made once, are copied.

For SQLite `support.compiled_once` does so wherever this process makes a store, also in a command. What is copied is
what the migrations make; that they do, and what they do to older stores, is tested on stores that are made without
this (`tests/service/test_store_opening.py`).
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from sqlalchemy import make_url

from node.clock import Entropy
from node.errors import MissingObjectError
from node.ports.objects import GiveName, ObjectStore
from node.store.lease import Claim
from node.store.migrate import migrate
from node.store.store import Store, connected
from protocol.encoding import Octets
from support.postgres import PostgresServer


class MemoryObjects:
    """An object store that forgets: for tests that make many nodes."""

    def __init__(self, data: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self.data = dict(data)

    def prepare(self) -> None:
        pass

    def require_writable(self) -> None:
        pass

    def put(self, name: str, data: bytes) -> None:
        self.data[name] = data

    def put_all(self, items: Iterable[tuple[str, bytes]]) -> None:
        self.data.update(items)

    @contextmanager
    def unnamed(self, pieces: Iterable[Octets]) -> Iterator[GiveName]:
        data = b"".join(pieces)
        yield lambda name: self.put(name, data)

    def exchange(self, name: str, old: bytes, new: bytes) -> bool:
        if self.data.get(name) != old:
            return False
        self.data[name] = new
        return True

    def get(self, name: str) -> bytes:
        if name not in self.data:
            raise MissingObjectError("there is no such object")
        return self.data[name]

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        return map(self.get, names)

    def view(self, name: str) -> Octets:
        return self.get(name)

    def size(self, name: str) -> int:
        return len(self.get(name))

    def exists(self, name: str) -> bool:
        return name in self.data

    def delete(self, name: str) -> None:
        self.data.pop(name, None)

    def ls(self, prefix: str) -> Iterator[str]:
        return iter(sorted(name for name in self.data if name.startswith(prefix)))

    def sweep(self, *, wait: bool = False) -> int:
        del wait
        return 0


def new_store(
    dsn: str,
    *,
    storage_key: bytes,
    objects: ObjectStore | None = None,
    entropy: Entropy = os.urandom,
    claim: Claim | None = None,
) -> Store:
    """What `Store.create` makes; its objects stay in memory unless others are given."""
    kept = objects or MemoryObjects()
    return Store.create(dsn, objects=kept, storage_key=storage_key, entropy=entropy, claim=claim)


def open_store(
    dsn: str, *, storage_key: bytes, objects: ObjectStore | None = None, claim: Claim | None = None
) -> Store:
    """What `Store.open` opens, of a store that never had another storage key; likewise."""
    kept = objects or MemoryObjects()
    return Store.open(dsn, objects=kept, storage_keys=lambda _: storage_key, entropy=os.urandom, claim=claim)


def database_with_tables(server: PostgresServer) -> str:
    """DSN of a new PostgreSQL database with all tables and nothing in them: `new_store` makes a store of it."""
    return server.database(like=_template(server))


@cache
def _template(server: PostgresServer) -> str:
    dsn = server.database()
    _make_tables(dsn)
    return dsn


@cache
def sqlite_tables() -> bytes:
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
    with connected(make_url(dsn)) as engine:
        migrate(engine)
        engine.dispose()
