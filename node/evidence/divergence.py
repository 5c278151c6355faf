"""Proving that a log left its own history, from the tiles of whoever holds the larger tree: this node or the log.

Tiles are believed by nobody: what is made of them is evidence only if it leads to the signed root. Spec:
docs/spec/evidence.md.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from protocol.api import LogApi
from protocol.errors import MalformedError
from protocol.evidence import encode_divergence
from protocol.tlog.checkpoint import SignedCheckpoint
from protocol.tlog.tileproof import TileTree
from protocol.tlog.tiles import Tile

_MAX_TILES: Final = 32
"""Tiles that one proof asks a peer for: 6 levels on two sides, and some more."""

_T = TypeVar("_T")


class _WantedError(Exception):
    """A tile that has to be fetched first."""

    def __init__(self, tile: Tile) -> None:
        super().__init__()
        self.tile = tile


def divergence(smaller: SignedCheckpoint, larger: SignedCheckpoint, tree: TileTree) -> bytes | None:
    """Evidence that `larger`, whose tree this is, does not contain `smaller`; None when it does.

    Raises `ProofError` when the tree is not that of the larger head: then nothing is shown.
    """
    size = smaller.checkpoint.size
    assert 0 < size < tree.size, "two heads of different sizes"
    root = tree.prefix_root(size)
    if root == smaller.checkpoint.root:
        return None
    return encode_divergence(smaller=smaller, larger=larger, root=root, proof=tree.consistency_proof(size))


async def divergence_from_peer(
    api: LogApi, smaller: SignedCheckpoint, larger: SignedCheckpoint
) -> bytes | None:
    """As `divergence`, with the tiles that the log itself serves; raises also what asking for them raises."""
    head = larger.checkpoint
    return await _with_tiles(api, head.origin, head.size, lambda tree: divergence(smaller, larger, tree))


async def _with_tiles(api: LogApi, origin: str, size: int, use: Callable[[TileTree], _T]) -> _T:
    tiles: dict[Tile, bytes] = {}

    def read(tile: Tile) -> bytes:
        if tile not in tiles:
            raise _WantedError(tile)
        return tiles[tile]

    while len(tiles) <= _MAX_TILES:
        try:
            return use(TileTree(size, read))
        except _WantedError as wanted:
            tile = wanted.tile
        tiles[tile] = await api.tile(origin, level=tile.level, index=tile.index, width=tile.width)
    raise MalformedError("a proof that needs more tiles than any")
