"""The hashes in a state, sealed with a key that lies elsewhere: a copy of the state by itself tells none."""

import sqlite3
from pathlib import Path

from node.clock import system_entropy
from node.errors import StoreError
from node.hoster.store.database import PartnerStore
from node.store.seal import KeySeal


class Sealing:
    """Seals and opens the hashes of the state at `path`, each bound to the file that they are of."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._seal = KeySeal(key, system_entropy)

    def require_key(self, connection: sqlite3.Connection) -> None:
        """Refuse the state of another key before anything is added to it; raises `StoreError`."""
        found = connection.execute("SELECT empty FROM sealed").fetchone()
        if found is not None:
            self.open(b"", found[0])
            return
        with connection:
            connection.execute("INSERT INTO sealed VALUES (?)", (self.seal(b"", b""),))

    def seal(self, file: bytes, parts: bytes) -> bytes:
        """The hashes of the file of this path, sealed."""
        return self._seal.seal(file.hex(), parts)

    def open(self, file: bytes, sealed: bytes) -> bytes:
        """The hashes that were sealed; raises `StoreError`."""
        try:
            return self._seal.unseal(file.hex(), sealed)
        except StoreError as exc:
            raise StoreError(
                "the hashes in {path} do not open with the key of this partner",
                self._path,
                hint="it belongs to another partner's folder, or was altered; scan with another --state FILE",
            ) from exc


def state_key(folder: Path) -> bytes:
    """The key that seals the states of the partner in `folder`; made when it is first needed."""
    return PartnerStore(folder).key("scan")
