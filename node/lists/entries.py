"""Single entries of a held list: published ones from its bundles, waiting ones from the queue.

The last few bundles stay opened, since callers ask for neighbours. What was read is the node's own or was verified when
it was pulled; damage shows as `StoreError`.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from typing import Final

from node.errors import NotFoundError, StoreError
from node.lists.changes import Change, content_id_of, unpack
from node.objects.logfiles import LogFiles
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.errors import MalformedError
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import Op
from protocol.lists.opening import Opening

_KEPT: Final = 32


class ListReader:
    """Openings of one list by position, in the transaction `unit`."""

    def __init__(self, store: Store, unit: Unit, log: LogRecord) -> None:
        self._store = store
        self._unit = unit
        self._log = log
        self._files = LogFiles(store.objects, store.vault, log.origin)
        self._waiting = unit.pending.ls(log.id, first=log.head.size)
        self._opened: OrderedDict[str, list[bytes]] = OrderedDict()

    def opening(self, position: int) -> Opening:
        """The opening at a position; raises `NotFoundError` when it is beyond the log, not granted or deleted."""
        data = self.raw(position)
        if not data:
            raise NotFoundError("{origin} has no entry {position}", self._log.origin, position)
        return parse_opening(data)

    def raw(self, position: int) -> bytes:
        """The bytes of the opening at a position, as they are stored; empty where there is none."""
        if position < self._log.head.size:
            index, at = divmod(position, BUNDLE_WIDTH)
            rows = self._bundle(index)
        else:
            rows, at = self._waiting_rows(position)
        return rows[at] if at < len(rows) else b""

    def bundle(self, index: int) -> list[bytes]:
        """The same of as many positions as a bundle has, from the bundle of this index on."""
        held, first = self._bundle(index), index * BUNDLE_WIDTH
        return held + [self.raw(position) for position in range(first + len(held), first + BUNDLE_WIDTH)]

    def event(self, position: int) -> bytes:
        """The published event at a position; raises `NotFoundError`."""
        index, at = divmod(position, BUNDLE_WIDTH)
        events = self._files.events(index, size=self._log.head.size)
        if at >= len(events):
            raise NotFoundError("{origin} has not published event {position}", self._log.origin, position)
        return events[at]

    def with_content_ids(
        self, wanted: Iterable[bytes], *, most: int | None = None
    ) -> Iterator[tuple[int, Opening]]:
        """Position and opening of everything that carries one of these content ids, by position.

        With `most`, of ids that no more events carry.
        """
        ids = frozenset(wanted)
        files = {self._store.vault.file_key_of(each) for each in ids}
        for position, data in chain(self._in_runs(files, most), self._not_noted()):
            if content_id_of(data) in ids:
                yield position, parse_opening(data)

    def amends(self, refs: frozenset[int]) -> Iterator[tuple[int, Opening | None]]:
        """Position of the entry and opening of every amend of these entries, oldest first."""
        for touch in self._unit.touches.about(self._log.id, refs):
            if touch.op == Op.AMEND:
                yield touch.ref, _parse_held(self.raw(touch.position))
        for batch in self._waiting:
            for change in read_batch(self._store, batch.object):
                if change.op == Op.AMEND and change.ref in refs:
                    yield change.ref, _parse_held(change.opening)

    def _in_runs(self, files: Collection[int], most: int | None) -> Iterator[tuple[int, bytes]]:
        runs = self._unit.file_runs.of(self._log.id, files, most=most)
        places = {place for run in runs for place in range(run.first, run.last + 1)}
        return ((place, self.raw(place)) for place in sorted(places) if place < self._log.touched)

    def _not_noted(self) -> Iterator[tuple[int, bytes]]:
        """What an older version wrote and nobody has judged yet, and what waits for publication."""
        for place in range(self._log.touched, self._log.head.size):
            yield place, self.raw(place)
        for batch in self._waiting:
            yield from enumerate(self._batch(batch.object), batch.first)

    def _waiting_rows(self, position: int) -> tuple[list[bytes], int]:
        for batch in self._waiting:
            if batch.first <= position < batch.first + batch.count:
                return self._batch(batch.object), position - batch.first
        return [], 0

    def _bundle(self, index: int) -> list[bytes]:
        return self._keep(str(index), lambda: self._files.openings(index, size=self._log.head.size))

    def _batch(self, name: str) -> list[bytes]:
        return self._keep(name, lambda: [change.opening for change in read_batch(self._store, name)])

    def _keep(self, name: str, read: Callable[[], list[bytes]]) -> list[bytes]:
        if name not in self._opened:
            self._opened[name] = read()
            if len(self._opened) > _KEPT:
                self._opened.popitem(last=False)
        return self._opened[name]


def read_batch(store: Store, name: str) -> Iterable[Change]:
    """The changes of a stored batch."""
    return unpack(store.vault.unseal(name, store.objects.get(name)))


def _parse_held(data: bytes) -> Opening | None:
    return parse_opening(data) if data else None


def parse_opening(data: bytes) -> Opening:
    """A stored opening; raises `StoreError`, since it was well formed when it was stored."""
    try:
        return Opening.from_bytes(data)
    except MalformedError as exc:
        raise StoreError(
            "a stored opening is damaged", hint="restore the object folder from a backup"
        ) from exc
