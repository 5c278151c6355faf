"""Giving a list back to the agency that wrote it: what a peer of it holds, when its own node was lost.

Nobody else is given anything of it, and nothing that the owner did not publish itself.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from node.errors import NotFoundError
from node.objects.logfiles import LogFiles, read_at_head
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from protocol.limits import BUNDLE_WIDTH
from protocol.tlog.tiles import encode_bundle

_T = TypeVar("_T")
_NOT_HELD: Final = "this node holds no such list of yours"


class HeldLists:
    """`protocol.api.HeldApi` for the node `owner`."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def checkpoint(self, origin: str) -> bytes:
        """The newest signed note that is held; raises `NotFoundError`."""
        return (await asyncio.to_thread(self._log, origin))[1]

    async def entries(self, origin: str, *, index: int, width: int) -> bytes:
        """An entry bundle; raises `NotFoundError` beyond what is held."""
        return await asyncio.to_thread(self._entries, origin, index, width)

    async def openings(self, origin: str, *, index: int, width: int) -> bytes:
        """The openings of a bundle; length 0 is not held; raises `NotFoundError` beyond what is held."""
        return await asyncio.to_thread(self._openings, origin, index, width)

    def _entries(self, origin: str, index: int, width: int) -> bytes:
        _require(index, width)
        return self._read(origin, lambda files, size: files.entries(index, width, size=size))

    def _openings(self, origin: str, index: int, width: int) -> bytes:
        _require(index, width)
        rows = self._read(origin, lambda files, size: files.openings(index, size=size))
        if len(rows) < width:
            raise NotFoundError("the list has no such bundle")
        return encode_bundle(rows[:width])

    def _read(self, origin: str, read: Callable[[LogFiles, int], _T]) -> _T:
        return read_at_head(self._store, lambda: self._log(origin)[0], read)

    def _log(self, origin: str) -> tuple[LogRecord, bytes]:
        with self._store.read() as unit:
            found = [log for log in unit.logs.ls(LogKind.PEER_LIST) if log.origin == origin]
        if not found or found[0].node != self._owner or found[0].note is None:
            raise NotFoundError(_NOT_HELD)
        return found[0], found[0].note


def _require(index: int, width: int) -> None:
    if not (0 <= index < 2**40 and 1 <= width <= BUNDLE_WIDTH):
        raise NotFoundError("the list has no such bundle")
