"""Bundles of a pull under way: kept so that an interrupted pull goes on where it stopped.

Nothing here is trusted: whoever resumes feeds the bundles to the pull again, as if the peer had sent them. They are
stored in sealed parts of many bundles; what an unclean end loses is the part that was being filled.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from node.errors import MissingObjectError, StoreError
from node.objects.logfiles import LogFiles
from node.store.store import Store
from protocol.limits import BUNDLE_WIDTH

SLICES: Final = "slices/"
"""Where in the folder what was made of the bundles is kept until all of it is."""
_PART: Final = 64
_HEAD: Final = Struct(">QHII")  # index, width, bytes of entries, bytes of openings + 1 (0: none)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedBundle:
    """One bundle and its openings as the peer sent them."""

    index: int
    width: int
    entries: bytes
    openings: bytes | None


class Staging:
    """The staged bundles of one log."""

    def __init__(self, store: Store, origin: str) -> None:
        self._store = store
        self._files = LogFiles(store.objects, store.vault, origin)
        self._prefix = self._files.name("staging", "")
        names = (name.removeprefix(self._prefix) for name in store.objects.ls(self._prefix))
        self._parts = sorted(int(name) for name in names if "/" not in name)
        self._filling: list[StagedBundle] = []
        self._opened: tuple[int, dict[int, StagedBundle]] = (-1, {})

    @property
    def events(self) -> int:
        """At most so many are staged durably."""
        return len(self._parts) * _PART * BUNDLE_WIDTH

    def get(self, index: int, width: int) -> StagedBundle | None:
        """The staged bundle with this index and width, if there is one."""
        for bundle in self._filling:
            if (bundle.index, bundle.width) == (index, width):
                return bundle
        at = bisect_right(self._parts, index)
        if not at:
            return None
        bundle_or_none = self._part(self._parts[at - 1]).get(index)
        return bundle_or_none if bundle_or_none is not None and bundle_or_none.width == width else None

    def add(self, bundle: StagedBundle) -> None:
        """Stage a bundle behind the others; what is staged already is not written again."""
        if self.get(bundle.index, bundle.width) is None:
            self._filling.append(bundle)
        if len(self._filling) >= _PART:
            self.flush()

    def flush(self) -> None:
        """Make everything that was added durable."""
        if not self._filling:
            return
        first = self._filling[0].index
        name = self._prefix + str(first)
        data = b"".join(map(_pack, self._filling))
        self._store.objects.put(name, self._store.vault.seal(name, data))
        if first not in self._parts:
            self._parts = sorted((*self._parts, first))
        self._opened = (-1, {})
        self._filling = []

    def drop_held(self, size: int) -> None:
        """Delete the parts of which all is held at `size`: what a process left that was killed behind its commit."""
        for part in tuple(self._parts):
            if part * BUNDLE_WIDTH >= size:
                break  # parts are named by their first bundle, so those of a pull under way are not read
            try:
                bundles = self._part(part).values()
            except StoreError:
                continue  # damaged: the pull that comes to it forgets everything
            if all(bundle.index * BUNDLE_WIDTH + bundle.width <= size for bundle in bundles):
                self._store.objects.delete(self._prefix + str(part))
                self._parts.remove(part)
        self._drop_slices(lambda first: first < size)

    def discard(self) -> None:
        """Forget and delete everything."""
        for part in self._parts:
            self._store.objects.delete(self._prefix + str(part))
        self._parts, self._filling, self._opened = [], [], (-1, {})
        self._drop_slices(lambda _: True)

    def _drop_slices(self, is_gone: Callable[[int], bool]) -> None:
        """Delete what was kept of slices of a pull that was being taken over: see `node.peers.sync.slices`."""
        folder = self._prefix + SLICES
        for name in list(self._store.objects.ls(folder)):
            if is_gone(int(name.removeprefix(folder))):
                self._store.objects.delete(name)

    def _part(self, first: int) -> dict[int, StagedBundle]:
        if self._opened[0] != first:
            name = self._prefix + str(first)
            try:
                data = self._store.vault.unseal(name, self._store.objects.get(name))
                bundles = list(_unpack(data))
            except MissingObjectError:  # another pull of the same log finished or gave up
                bundles = []
            self._opened = (first, {bundle.index: bundle for bundle in bundles})
        return self._opened[1]


def _pack(bundle: StagedBundle) -> bytes:
    openings = bundle.openings
    length = 0 if openings is None else len(openings) + 1
    head = _HEAD.pack(bundle.index, bundle.width, len(bundle.entries), length)
    return head + bundle.entries + (openings or b"")


def _unpack(data: bytes) -> Iterator[StagedBundle]:
    at = 0
    while at < len(data):
        index, width, entries, openings = _HEAD.unpack_from(data, at)
        start = at + _HEAD.size
        middle = start + entries
        at = middle + max(openings - 1, 0)
        if at > len(data):
            raise StoreError("a staged part is damaged", hint="sync again: it will be fetched anew")
        yield StagedBundle(
            index=index,
            width=width,
            entries=data[start:middle],
            openings=data[middle:at] if openings else None,
        )
