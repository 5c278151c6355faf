"""Serving the node's own logs to one caller: heads, tiles and entries to whoever may read logs, openings by grant.

Openings are given out of own lists alone: a peer's openings are the peer's to give. A grant that is missing covers
nothing, and what is withheld looks the same as what was deleted: an opening of length 0.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from node.access.stored_grant import stored_grant
from node.clock import Clock
from node.errors import NotFoundError
from node.objects.logfiles import LogFiles, read_at_head
from node.ports.callers import Caller
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from protocol.limits import BUNDLE_WIDTH, HEADER_BYTES
from protocol.lists.event import Header
from protocol.lists.grant import NOTHING, Grant
from protocol.lists.opening import NONCE_BYTES
from protocol.tlog.tiles import Tile, cut_bundle, encode_bundle

_OWN: Final = frozenset({LogKind.OWN_LIST, LogKind.OWN_RELEASES})
_LISTS: Final = frozenset({LogKind.OWN_LIST})
_CLOSED: Final = (b"", 0)
_T = TypeVar("_T")


class CallerLogs:
    """`LogApi` and `OpeningsApi` for one caller; the synchronous twins of its methods do the reading."""

    def __init__(self, store: Store, clock: Clock, grant: Grant) -> None:
        self._store = store
        self._clock = clock
        self._grant = grant

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        """The newest signed note, or None when it is byte for byte the `held` one."""
        note = await asyncio.to_thread(self.read_checkpoint, origin)
        return None if note == held else note

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        """`width * 32` bytes of hashes."""
        return await asyncio.to_thread(self.read_tile, origin, level=level, index=index, width=width)

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """The entry bundle `index` with `width` entries, without the `first` ones."""
        return await asyncio.to_thread(self.read_entries, origin, index=index, width=width, first=first)

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """`width` openings with u16 lengths, without the `first` ones; length 0 is withheld."""
        return await asyncio.to_thread(self.read_openings, origin, index=index, width=width, first=first)

    async def granted(self) -> Grant:
        """What the caller may read now."""
        return self._grant

    def read_checkpoint(self, origin: str) -> bytes:
        """The newest signed note; raises `NotFoundError` for a log that is not the node's or not published yet."""
        note = self._log(origin, _OWN).note
        if note is None:
            raise NotFoundError(
                "{origin} has not been published yet", origin, hint="publish it with: sigfed publish"
            )
        return note

    def read_tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        """Hashes of a tile, 32 bytes each; raises `NotFoundError`."""
        _check_width(level, index, width)
        tile = Tile(level, index, width)
        return self._read(origin, _OWN, lambda files, size: files.tile(tile, size=size))

    def read_entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """An entry bundle from its entry `first` on; raises `NotFoundError`."""
        _check_place(index, width, first)
        data = self._read(origin, _OWN, lambda files, size: files.entries(index, width, size=size))
        return cut_bundle(data, width, first) if first else data

    def read_openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """The openings of a bundle, from `first` on, that the grant covers; raises `NotFoundError`."""
        _check_place(index, width, first)
        return self._read(origin, _LISTS, lambda files, size: self._granted(files, size, index, width, first))

    def _granted(self, files: LogFiles, size: int, index: int, width: int, first: int) -> bytes:
        rows = files.openings(index, size=size)
        if len(rows) < width:
            raise NotFoundError("the log has no such bundle", hint="ask for its newest checkpoint first")
        events, now = files.events(index, size=size), self._clock.now()
        kinds = [
            (event[:HEADER_BYTES], opening[NONCE_BYTES]) if opening else _CLOSED
            for event, opening in zip(events[first:width], rows[first:width], strict=True)
        ]
        # Few are different.
        covered = {kind: kind != _CLOSED and self._covers(*kind, now) for kind in set(kinds)}
        return encode_bundle(
            [
                opening if covered[kind] else b""
                for kind, opening in zip(kinds, rows[first:width], strict=True)
            ]
        )

    def _covers(self, header: bytes, algorithm: int, now: datetime) -> bool:
        collection = Header.from_bytes(header).collection
        return self._grant.covers(collection, now) and self._grant.covers_algorithm(algorithm)

    def _read(self, origin: str, kinds: frozenset[LogKind], read: Callable[[LogFiles, int], _T]) -> _T:
        return read_at_head(self._store, lambda: self._log(origin, kinds), read)

    def _log(self, origin: str, kinds: frozenset[LogKind]) -> LogRecord:
        with self._store.read() as unit:
            log = unit.logs.get(origin)
        if log.kind not in kinds:
            raise NotFoundError("{origin} is not served here", origin)
        return log


def caller_logs(store: Store, clock: Clock, caller: Caller) -> CallerLogs:
    """What a peer may read: openings that both its grant and its token cover.

    The grant is read again for every caller, so a changed or damaged one takes effect at once; what a token was given
    before never widens it.
    """
    try:
        with store.read() as unit:
            grant = stored_grant(unit.peers.get(caller.client))
    except NotFoundError:
        return CallerLogs(store, clock, NOTHING)
    return CallerLogs(store, clock, replace(grant, collections=grant.collections & caller.collections))


def _check_place(index: int, width: int, first: int) -> None:
    _check_width(0, index, width)
    if not 0 <= first < width:
        raise NotFoundError("the bundle has no such entry")


def _check_width(level: int, index: int, width: int) -> None:
    if not (0 <= level < 64 and 0 <= index < 2**40 and 1 <= width <= BUNDLE_WIDTH):
        raise NotFoundError("the log has no such tile")
