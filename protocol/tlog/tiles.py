"""Tiles and entry bundles: a log as a finite set of files that never change (C2SP tlog-tiles).

Decides names, widths and contents: which hash tiles the growth of a log adds, how a bundle holds its
entries. A partial tile is named by its width and stands until the full one exists; serving and deleting
are the node's matter. Proofs from tiles are made in `tileproof`. Spec: docs/spec/log.md.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

from protocol.encoding import parse_decimal
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.limits import BUNDLE_WIDTH, MAX_LOG_SIZE
from protocol.slices import slices
from protocol.tlog.hasher import HASH_BYTES, HASHLIB, Hasher

TILE_HEIGHT: Final = 8
_MAX_LEVEL: Final = 63
_MAX_INDEX: Final = MAX_LOG_SIZE // BUNDLE_WIDTH
_ENTRIES: Final = "entries"
_TILE_BYTES: Final = BUNDLE_WIDTH * HASH_BYTES
_LENGTH_BYTES: Final = 2
_MAX_ENTRY: Final = 2**16 - 1


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Hashes `index * 256 …` of tree level 8 * `level`, `width` of them (256 when full)."""

    level: int
    index: int
    width: int

    def __post_init__(self) -> None:
        assert 0 <= self.level <= _MAX_LEVEL, "no such level"
        assert 0 <= self.index <= _MAX_INDEX, "no such tile"
        assert 1 <= self.width <= BUNDLE_WIDTH, "no such width"

    @property
    def full(self) -> bool:
        """Whether the tile can never grow."""
        return self.width == BUNDLE_WIDTH


ReadTile: TypeAlias = Callable[[Tile], bytes]
"""Gives the stored hashes of a tile, 32 bytes each; how is the caller's matter, errors pass through."""


def tile_path(tile: Tile) -> str:
    """Where a hash tile is served: `tile/<L>/<N>[.p/<W>]`."""
    return f"tile/{tile.level}/{_numbered(tile.index, tile.width)}"


def entries_path(index: int, width: int = BUNDLE_WIDTH) -> str:
    """Where an entry bundle is served: `tile/entries/<N>[.p/<W>]`."""
    return f"tile/{_ENTRIES}/{_numbered(index, width)}"


def parse_tile_path(path: str) -> Tile:
    """The hash tile of a path that `tile_path` made; raises `MalformedError`."""
    level, index, width = _parse(path)
    return Tile(parse_decimal(level, _MAX_LEVEL), index, width)


def parse_entries_path(path: str) -> tuple[int, int]:
    """Index and width of the bundle of a path that `entries_path` made; raises `MalformedError`."""
    kind, index, width = _parse(path)
    if kind != _ENTRIES:
        raise MalformedError("not the path of an entry bundle")
    return index, width


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Up to 256 entries, each behind its length as u16 big-endian."""
    assert len(entries) <= BUNDLE_WIDTH, "more entries than a bundle holds"
    sizes = list(map(len, entries))
    assert max(sizes, default=0) <= _MAX_ENTRY, "an entry too long for its length field"
    heads = {size: size.to_bytes(_LENGTH_BYTES, "big") for size in set(sizes)}  # few: most entries are alike
    return b"".join(chain.from_iterable(zip(map(heads.__getitem__, sizes), entries, strict=True)))


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle; raises `MalformedError` if it holds more, fewer or a broken one."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    try:
        for _ in range(width):
            start = at + _LENGTH_BYTES
            at = start + (data[at] << 8 | data[at + 1])
            entries.append(data[start:at])
    except IndexError:
        at = end + 1  # the entry before may be cut, too
    if at > end:
        raise MalformedError("a bundle that ends in the middle of an entry")
    if at != end:
        raise MalformedError("a bundle with more entries than its width")
    return entries


def cut_bundle(data: bytes, width: int, first: int) -> bytes:
    """A bundle without its `first` entries; raises `MalformedError` if it is none of `width` entries."""
    assert 0 <= first <= width, "more entries than the bundle has"
    return encode_bundle(decode_bundle(data, width)[first:])


def bundle_widths(old_size: int, new_size: int) -> Iterator[tuple[int, int]]:
    """(index, width) of every entry bundle that a log of `new_size` has and one of `old_size` has not.

    The first of them repeats the entries from `index * 256` to `old_size` when `old_size` is inside it.
    """
    assert 0 <= old_size <= new_size, "a log never shrinks"
    if old_size == new_size:
        return
    for index in range(old_size // BUNDLE_WIDTH, -(-new_size // BUNDLE_WIDTH)):
        yield index, min(BUNDLE_WIDTH, new_size - index * BUNDLE_WIDTH)


def width_at(*, level: int, index: int, size: int) -> int:
    """Width of a tile in a log of `size` leaves; 0 or less if it has no such tile."""
    return min(BUNDLE_WIDTH, (size >> TILE_HEIGHT * level) - index * BUNDLE_WIDTH)


def new_hash_tiles(
    old_size: int, leaf_hashes: bytes, read: ReadTile, hasher: Hasher = HASHLIB
) -> Iterator[tuple[Tile, bytes]]:
    """Every hash tile, with its bytes, that growing a log of `old_size` by these leaf hashes (joined) adds.

    `read` is asked only for partial tiles of the old size: at most one a level. Levels go upwards, so
    whoever stores the tiles in this order never has a hash without the tile under it. Raises
    `MalformedError` if a stored tile has the wrong length.
    """
    level, hashes = 0, leaf_hashes
    while hashes:
        old_count = old_size >> TILE_HEIGHT * level
        index, over = divmod(old_count, BUNDLE_WIDTH)
        if over:
            hashes = read_tile(Tile(level, index, over), read) + hashes
        for number, row in enumerate(slices(hashes, _TILE_BYTES), index):
            yield Tile(level, number, len(row) // HASH_BYTES), row
        hashes = hashes[: len(hashes) - len(hashes) % _TILE_BYTES]
        for _ in range(TILE_HEIGHT):
            hashes = hasher.nodes(hashes)
        level += 1


def read_tile(tile: Tile, read: ReadTile) -> bytes:
    """The hashes of a stored tile; raises `MalformedError` if there are not `width` of them."""
    data = read(tile)
    if len(data) != tile.width * HASH_BYTES:
        raise MalformedError("a stored tile of the wrong length")
    return data


def _numbered(index: int, width: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    partial = "" if width == BUNDLE_WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + partial


def _parse(path: str) -> tuple[str, int, int]:
    """Level or kind, index and width; strict, since every other spelling would be a second cached copy."""
    if len(path) > 64:
        raise TooLargeError("a tile path of more than 64 characters")
    number, partial, width_text = path.partition(".p/")
    head, _, rest = number.partition("/")
    kind, _, groups = rest.partition("/")
    digits = "".join(part[-3:] for part in groups.split("/"))
    index = parse_decimal(digits.lstrip("0") or "0", _MAX_INDEX)
    width = parse_decimal(width_text, BUNDLE_WIDTH - 1) if partial else BUNDLE_WIDTH
    if width == 0 or f"{head}/{_numbered(index, width)}" != f"tile/{groups}{partial}{width_text}":
        raise NotCanonicalError("not the path of a tile")
    return kind, index, width
