"""Where the parts of a log lie in the object store, and how to read them at any size.

    logs/<hex sha256(origin)>/tile/entries/<N>[.p/<W>]   entry bundles (C2SP tlog-tiles)
    logs/<hex sha256(origin)>/tile/<L>/<N>[.p/<W>]       hash tiles
    openings/<hex sha256(origin)>/<N>[.p/<W>]            openings of bundle N, sealed
    pending/<hex sha256(origin)>/<random>                changes that wait for publication, sealed
    cases/<hex sha256(origin)>/<random>                  local case data, sealed
    staging/<hex sha256(origin)>/<N>                     bundles of a pull under way, from N on, sealed
    staging/<hex sha256(origin)>/slices/<N>              what its events from N on mean, until all is taken over, sealed
    reviews/<hex sha256(origin)>/dates                   places and review dates of own entries, sealed
    reviews-due/<hex sha256(origin)>/days                how many of them there are on each day
    shapes/<hex sha256(origin)>/<size>                   what the event rules remember of a peer's list
    opened/<hex sha256(origin)>/grant                    under which grant a peer's list is opened, sealed

Bundles and tiles never change; a partial one gives way to the wider one, which answers for it. Openings are rewritten
by shredding, and when a peer opens what it withheld before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import chain, groupby, starmap, tee
from typing import TypeVar

from node.errors import MissingObjectError, NotFoundError, StoreError
from node.ports.objects import ObjectStore
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.store.vault import Vault
from protocol.errors import MalformedError
from protocol.limits import BUNDLE_WIDTH
from protocol.slices import slices
from protocol.tlog.hasher import HASH_BYTES
from protocol.tlog.merkle import leaf_hash
from protocol.tlog.tileproof import TileTree
from protocol.tlog.tiles import (
    Tile,
    bundle_widths,
    decode_bundle,
    encode_bundle,
    entries_path,
    new_hash_tiles,
    tile_path,
    width_at,
)

_T = TypeVar("_T")
Named = tuple[str, bytes]
"""An object to be: name and bytes."""
Row = tuple[bytes, bytes]
"""Event (56 bytes) and opening, which is empty where it is not held."""
Item = tuple[int, bytes, bytes | None]
"""Index, event (56 bytes), and opening where it is held."""


class LogFiles:
    """The objects of one log."""

    def __init__(self, objects: ObjectStore, vault: Vault, origin: str) -> None:
        self._objects = objects
        self._vault = vault
        self.folder = sha256(origin.encode()).hexdigest()

    def entries(self, index: int, width: int, *, size: int) -> bytes:
        """The first `width` entries of a bundle of the log at `size`; raises `NotFoundError` beyond it."""
        held = _width(0, index, width, size)
        data = self._objects.get(self._entries_name(index, held))
        return data if held == width else encode_bundle(_decode(data, held)[:width])

    def events(self, index: int, *, size: int) -> list[bytes]:
        """The entries of a bundle as far as the log at `size` has them; none beyond it."""
        width = width_at(level=0, index=index, size=size)
        return _decode(self._objects.get(self._entries_name(index, width)), width) if width > 0 else []

    def all_events(self, *, first: int = 0, size: int) -> Iterator[tuple[int, bytes]]:
        """Position and entry of every event from `first` up to `size`, without the openings."""
        for index, _ in bundle_widths(min(first, size), size):
            for position, event in enumerate(self.events(index, size=size), index * BUNDLE_WIDTH):
                if position >= first:
                    yield position, event

    def bundles(self, *, size: int) -> Iterator[str]:
        """Names of the entry bundles of the log at `size`."""
        return starmap(self._entries_name, bundle_widths(0, size))

    def tile(self, tile: Tile, *, size: int) -> bytes:
        """The first hashes of a tile of the log at `size`; raises `NotFoundError` beyond it."""
        held = _width(tile.level, tile.index, tile.width, size)
        data = self._objects.get(self._tile_name(Tile(tile.level, tile.index, held)))
        return data[: tile.width * HASH_BYTES]

    def tree(self, *, size: int, leaves: int | None = None) -> TileTree:
        """The tree of the log at `size`, or of so many `leaves` of it, from those tiles."""
        return TileTree(size if leaves is None else leaves, partial(self.tile, size=size))

    def openings(self, index: int, *, size: int) -> list[bytes]:
        """The openings of a bundle as far as the log at `size` has them; an empty one is withheld or deleted."""
        width = width_at(level=0, index=index, size=size)
        if width <= 0:
            return []
        name = self._openings_name(index, width)
        return _decode(self._vault.unseal(name, self._objects.get(name)), width)

    def items(self, *, first: int, size: int) -> Iterator[Item]:
        """Every event from `first` up to `size`."""
        for index, rows in self._rows(range(first // BUNDLE_WIDTH, -(-size // BUNDLE_WIDTH)), size):
            for position, (event, opening) in enumerate(rows, index * BUNDLE_WIDTH):
                if position >= first:
                    yield position, event, opening or None

    def items_at(self, positions: Iterable[int], *, size: int) -> Iterator[Item]:
        """The same of the events at these ascending positions below `size`; each of their bundles is read once."""
        bundles = groupby(positions, lambda position: position // BUNDLE_WIDTH)
        named, asked = tee((index, list(places)) for index, places in bundles)
        found = self._rows((index for index, _ in named), size)
        for (_, rows), (_, places) in zip(found, asked, strict=True):
            for position in places:
                event, opening = rows[position % BUNDLE_WIDTH]
                yield position, event, opening or None

    def _rows(self, indices: Iterable[int], size: int) -> Iterator[tuple[int, Sequence[Row]]]:
        """Events and openings of these bundles, each with some below `size`; those that follow are on their way."""
        widths = ((index, width_at(level=0, index=index, size=size)) for index in indices)
        named, ahead = tee(
            (index, width, self._entries_name(index, width), self._openings_name(index, width))
            for index, width in widths
        )
        found = self._objects.get_all(chain.from_iterable(names for _, _, *names in ahead))
        for (index, width, _, name), events, sealed in zip(named, found, found, strict=True):
            openings = _decode(self._vault.unseal(name, sealed), width)
            yield index, list(zip(_decode(events, width), openings, strict=True))

    def growth(
        self, old_size: int, events: Sequence[bytes], openings: Sequence[bytes] | None
    ) -> Iterator[Named]:
        """The objects that events (and, for a list, their openings) from `old_size` on add, tiles last."""
        size = old_size + len(events)
        start = old_size - old_size % BUNDLE_WIDTH
        index = start // BUNDLE_WIDTH
        rows = self.events(index, size=old_size) + list(events)
        for number, width in bundle_widths(old_size, size):
            at = number * BUNDLE_WIDTH - start
            yield self._entries_name(number, width), encode_bundle(rows[at : at + width])
        if openings is not None:
            yield from self._opening_objects(index, self.openings(index, size=old_size) + list(openings))
        hasher = self._vault.hasher
        # Of lists alone all entries have one length.
        leaves = b"".join(map(leaf_hash, events) if openings is None else [hasher.leaves(b"".join(events))])
        for tile, data in new_hash_tiles(
            old_size, leaves, lambda tile: self.tile(tile, size=old_size), hasher
        ):
            yield self._tile_name(tile), data

    def with_openings(self, index: int, new: Mapping[int, bytes], *, size: int) -> Iterator[Named]:
        """The opening object of a bundle with more of its openings, by their offsets in it."""
        rows = self.openings(index, size=size)
        for at, opening in new.items():
            rows[at] = opening
        yield from self._opening_objects(index, rows)

    def without_openings(self, positions: Iterable[int], *, size: int) -> Iterator[Named]:
        """The opening objects of a log at `size` with those at `positions` deleted whole."""
        by_bundle: dict[int, list[int]] = {}
        for position in positions:
            by_bundle.setdefault(position // BUNDLE_WIDTH, []).append(position % BUNDLE_WIDTH)
        for index, offsets in by_bundle.items():
            rows = self.openings(index, size=size)
            if not any(rows[at] for at in offsets):
                continue
            for at in offsets:
                rows[at] = b""
            yield from self._opening_objects(index, rows)

    def stale_openings(self, positions: Iterable[int], *, size: int) -> Iterator[str]:
        """Names of partial opening objects of these events' bundles that a log of `size` does not read any more."""
        for index in {position // BUNDLE_WIDTH for position in positions}:
            current = self._openings_name(index, width_at(level=0, index=index, size=size))
            names = self._objects.ls(f"openings/{self.folder}/{index}.p/")
            yield from (name for name in names if name != current)

    def outgrown(self, old_size: int, new_size: int) -> Iterator[str]:
        """Names of the partial objects of a log of `old_size` that it has no use for at `new_size`."""
        level = 0
        while old_size >> 8 * level:
            index = (old_size >> 8 * level) // BUNDLE_WIDTH
            old = width_at(level=level, index=index, size=old_size)
            if 0 < old != width_at(level=level, index=index, size=new_size):
                yield self._tile_name(Tile(level, index, old))
                if level == 0:
                    yield self._entries_name(index, old)
                    yield self._openings_name(index, old)
            level += 1

    def name(self, kind: str, last: str) -> str:
        """Name of an object of this log in one of the other folders."""
        return f"{kind}/{self.folder}/{last}"

    def _opening_objects(self, first: int, openings: Sequence[bytes]) -> Iterator[Named]:
        for index, row in enumerate(slices(openings, BUNDLE_WIDTH), first):
            name = self._openings_name(index, len(row))
            yield name, self._vault.seal(name, encode_bundle(row))

    def _entries_name(self, index: int, width: int) -> str:
        return f"logs/{self.folder}/{entries_path(index, width)}"

    def _tile_name(self, tile: Tile) -> str:
        return f"logs/{self.folder}/{tile_path(tile)}"

    def _openings_name(self, index: int, width: int) -> str:
        # By width, like bundles: a slow writer of an older head must not cut short what a newer one wrote.
        partial = "" if width == BUNDLE_WIDTH else f".p/{width}"
        return f"openings/{self.folder}/{index}{partial}"


def held_tree(store: Store, log: LogRecord) -> TileTree:
    """The tree of a log as it is held here."""
    return LogFiles(store.objects, store.vault, log.origin).tree(size=log.head.size)


def read_at_head(store: Store, find: Callable[[], LogRecord], read: Callable[[LogFiles, int], _T]) -> _T:
    """Read a log at the size of its head, and again where it grew meanwhile, which ends partial objects.

    Raises `MissingObjectError` where an object of the head is lost, and what `find` and `read` raise.
    """
    log = find()
    while True:
        try:
            return read(LogFiles(store.objects, store.vault, log.origin), log.head.size)
        except MissingObjectError:
            before, log = log, find()
            if log.head.size == before.head.size:
                raise


def _width(level: int, index: int, width: int, size: int) -> int:
    held = width_at(level=level, index=index, size=size)
    if not 0 < width <= held:
        raise NotFoundError("the log has no such tile", hint="ask for its newest checkpoint first")
    return held


def _decode(data: bytes, width: int) -> list[bytes]:
    try:
        return decode_bundle(data, width)
    except MalformedError as exc:
        raise StoreError(
            "a stored bundle is damaged", hint="restore the object folder from a backup"
        ) from exc
