"""Roots of release files: RFC 6962 trees over chunks of what the files *mean*, never over compressed bytes.

So one partner may hold a file as a download, another as a chain of deltas, and both check the same root; and any
chunk can be proven alone. Spec: docs/spec/subset.md, section "Roots".
"""

from typing import Final

from protocol.encoding import Octets
from protocol.subset.rice import U64Array, blocks_of
from protocol.tlog.merkle import CompactRange, leaf_hash

CHUNK: Final = 1024
"""Values, or labels, in one leaf; the last leaf may have fewer."""
_VALUE_BYTES: Final = 8


class ChunkRoot:
    """The root of items of `item_bytes` each, of which some come at a time."""

    def __init__(self, item_bytes: int) -> None:
        self._leaf_bytes = CHUNK * item_bytes
        self._tree = CompactRange()
        self._rest = b""

    def take(self, items: Octets) -> None:
        """The next items, one after the other."""
        data = self._rest + bytes(items)
        whole = len(data) - len(data) % self._leaf_bytes
        starts = range(0, whole, self._leaf_bytes)
        self._tree.extend(leaf_hash(data[start : start + self._leaf_bytes]) for start in starts)
        self._rest = data[whole:]

    def take_values(self, values: U64Array) -> None:
        """The next values, each a u64 big-endian."""
        self.take(values.astype(">u8").tobytes())

    def root(self) -> bytes:
        """32 bytes, of all items so far."""
        tree = self._tree.copy()
        if self._rest:
            tree.append(leaf_hash(self._rest))
        return tree.root()


def values_root(values: U64Array) -> bytes:
    """32 bytes: the root over chunks of 1 024 values, each value a u64 big-endian (8 192 bytes a full leaf)."""
    chunks = ChunkRoot(_VALUE_BYTES)
    for block in blocks_of(values):
        chunks.take_values(block)
    return chunks.root()


def labels_root(labels: Octets, label_bytes: int) -> bytes:
    """32 bytes: the root over chunks of 1 024 labels of `label_bytes` each."""
    chunks = ChunkRoot(label_bytes)
    size = 64 * CHUNK * label_bytes
    for start in range(0, len(labels), size):
        chunks.take(labels[start : start + size])
    return chunks.root()
