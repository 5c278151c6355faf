"""Roots and proofs made from stored tiles, without the leaves (C2SP tlog-tiles, RFC 9162 section 2.1).

A proof of a log of a million entries reads some six tiles. The tiles are believed: what is made here is
checked by whoever verifies the proof against a signed root. Spec: docs/spec/log.md.
"""

from collections.abc import Iterator

from protocol.limits import BUNDLE_WIDTH
from protocol.slices import slices
from protocol.tlog.hasher import HASH_BYTES
from protocol.tlog.merkle import EMPTY_ROOT, consistency_ranges, inclusion_ranges, node_hash, root_of
from protocol.tlog.tiles import TILE_HEIGHT, ReadTile, Tile, read_tile, width_at


class TileTree:
    """The tree of a log of `size` leaves, seen through a reader of its tiles; each tile is read once."""

    __slots__ = ("_read", "_tiles", "size")

    def __init__(self, size: int, read: ReadTile) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[Tile, list[bytes]] = {}

    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self._range_root(0, self.size) if self.size else EMPTY_ROOT

    def prefix_root(self, size: int) -> bytes:
        """The root that this tree had when it had `size` leaves, 32 bytes."""
        assert 0 <= size <= self.size, "no prefix of this tree"
        return self._range_root(0, size) if size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index`."""
        assert 0 <= index < self.size, "no such leaf"
        return self._subtree(0, index)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Proof that the leaf at `index` is in this tree."""
        return [self._range_root(begin, end) for begin, end in inclusion_ranges(index, self.size)]

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """Proof that the tree of the first `old_size` leaves, at least one, is a prefix of this one."""
        return [self._range_root(begin, end) for begin, end in consistency_ranges(old_size, self.size)]

    def _range_root(self, begin: int, end: int) -> bytes:
        subtrees = [self._subtree(height, index) for height, index in _perfect_subtrees(begin, end)]
        root = subtrees.pop()
        while subtrees:
            root = node_hash(subtrees.pop(), root)
        return root

    def _subtree(self, height: int, index: int) -> bytes:
        """Root of the perfect subtree over leaves `index << height` up to `(index + 1) << height`."""
        level, above = divmod(height, TILE_HEIGHT)
        number, at = divmod(index << above, BUNDLE_WIDTH)
        width = width_at(level=level, index=number, size=self.size)
        return root_of(self._hashes(Tile(level, number, width))[at : at + (1 << above)])

    def _hashes(self, tile: Tile) -> list[bytes]:
        if tile not in self._tiles:
            self._tiles[tile] = list(slices(read_tile(tile, self._read), HASH_BYTES))
        return self._tiles[tile]


def _perfect_subtrees(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """(height, index) of the perfect subtrees that a range of a proof consists of, largest first.

    Ranges of proofs begin at a multiple of a power of two that is at least their length.
    """
    while begin < end:
        height = (end - begin).bit_length() - 1
        yield height, begin >> height
        begin += 1 << height
