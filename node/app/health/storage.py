"""Whether a node can write: to its folder, its objects and its database.

Only a write shows that a disk is full or read-only. So this writes a small file and deletes it, and probes the bucket's
conditional writes once more. It writes to a database elsewhere only after that has refused something, because every
other writer would have to wait.
"""

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from threading import Lock
from typing import Final

from node.errors import NodeError, StoreDownError
from node.files import refused, require_room
from node.identity.identity import Identity
from node.journal import Journal
from node.store.store import Store

_GOOD_FOR_SECONDS: Final = 5.0
_journal = Journal("storage")


class StoragePart(StrEnum):
    """What a node writes to."""

    FOLDER = "folder"
    OBJECTS = "objects"
    DATABASE = "database"


Refusals = Mapping[StoragePart, NodeError]
"""The error of each place that cannot be written."""


def refusals(identity: Identity, store: Store) -> Refusals:
    """The places that cannot be written now, each with its error."""
    found: dict[StoragePart, NodeError] = {}

    def ask(place: StoragePart, write: Callable[[], None]) -> None:
        try:
            write()
        except NodeError as exc:
            found[place] = exc

    ask(StoragePart.FOLDER, lambda: _write_file(identity))
    ask(StoragePart.OBJECTS, store.objects.require_writable)
    if StoragePart.FOLDER in found and not identity.settings.store.dsn:
        found[StoragePart.DATABASE] = found[StoragePart.FOLDER]  # it lies there
    elif store.refused:
        ask(StoragePart.DATABASE, store.require_writable)
    return found


def _write_file(identity: Identity) -> None:
    folder = identity.home.folder
    try:
        require_room(folder)
    except OSError as exc:
        raise refused(str(folder), exc) from exc


class Storage:
    """The places that a running node cannot write: looked at every few seconds at most; changes are journalled."""

    def __init__(self, identity: Identity, store: Store) -> None:
        self._identity = identity
        self._store = store
        self._asking = Lock()
        self._held: Refusals = {}
        self._until = 0.0

    def refusals(self) -> Refusals:
        """As they were a few seconds ago at most; looked at again at once where a write has failed since."""
        with self._asking:
            if time.monotonic() >= self._until or self._store.refused:
                before, self._held = self._held, refusals(self._identity, self._store)
                self._until = time.monotonic() + (0.0 if self._held else _GOOD_FOR_SECONDS)
                self._tell(before)
            return self._held

    def require_database(self) -> None:
        """Raise `StoreDownError` where the database cannot be written: then nobody gets an access token."""
        error = self.refusals().get(StoragePart.DATABASE)
        if error is not None:
            raise StoreDownError("{reason}", error, hint=error.hint) from error

    def _tell(self, before: Refusals) -> None:
        for place, error in self._held.items():
            if place not in before:
                _journal.warning("refuses", place=place, reason=str(error), hint=error.hint)
        for place in before.keys() - self._held.keys():
            _journal.info("takes-again", place=place)
