"""Roots of release files: RFC 6962 trees over chunks of what the files *mean*, never over compressed bytes.

So one partner may hold a file as a download, another as a chain of deltas, and both check the same root; and any
chunk can be proven alone. Spec: docs/spec/subset.md, section "Roots".
"""

from hashlib import sha256
from typing import Final

import numpy as np

from protocol.encoding import Octets
from protocol.subset.rice import U64Array, blocks_of
from protocol.tlog.hasher import LEAF
from protocol.tlog.merkle import CompactRange

CHUNK: Final = 1024
"""Values, or labels, in one leaf; the last leaf may have fewer."""
_VALUE_BYTES: Final = 8
_AT_ONCE: Final = 1024
"""Leaves that the tree takes in together."""


class ChunkRoot:
    """The root of items of `item_bytes` each, of which some come at a time."""

    def __init__(self, item_bytes: int) -> None:
        self._leaf_bytes = CHUNK * item_bytes
        self._tree = CompactRange()
        self._leaves: list[bytes] = []
        self._leaf = sha256(LEAF)
        self._missing = self._leaf_bytes

    def take(self, items: Octets) -> None:
        """The next items, one after the other."""
        octets, start = memoryview(items).cast("B"), 0
        while start < len(octets):
            part = octets[start : start + self._missing]
            self._leaf.update(part)
            start += len(part)
            self._missing -= len(part)
            if not self._missing:
                self._end_leaf()

    def take_values(self, values: U64Array) -> None:
        """The next values, each a u64 big-endian."""
        self.take(values.astype(">u8").view(np.uint8).data)

    def root(self) -> bytes:
        """32 bytes, of all items so far."""
        tree = self._tree.copy()
        tree.extend(self._leaves)
        if self._missing < self._leaf_bytes:
            tree.append(self._leaf.digest())
        return tree.root()

    def _end_leaf(self) -> None:
        self._leaves.append(self._leaf.digest())
        self._leaf, self._missing = sha256(LEAF), self._leaf_bytes
        if len(self._leaves) == _AT_ONCE:
            self._tree.extend(self._leaves)
            self._leaves.clear()


def values_root(values: U64Array) -> bytes:
    """32 bytes: the root over chunks of 1 024 values, each value a u64 big-endian (8 192 bytes a full leaf)."""
    chunks = ChunkRoot(_VALUE_BYTES)
    for block in blocks_of(values):
        chunks.take_values(block)
    return chunks.root()


def labels_root(labels: Octets, label_bytes: int) -> bytes:
    """32 bytes: the root over chunks of 1 024 labels of `label_bytes` each."""
    chunks = ChunkRoot(label_bytes)
    chunks.take(labels)
    return chunks.root()
