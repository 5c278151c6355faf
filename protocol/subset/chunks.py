"""Roots of release files: RFC 6962 trees over chunks of what the files *mean*, never over compressed bytes.

So one partner may hold a file as a download, another as a chain of deltas, and both check the same root; and any
chunk can be proven alone. Spec: docs/spec/subset.md, section "Roots".
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from protocol.encoding import Octets
from protocol.subset.rice import U64Array
from protocol.tlog.hasher import HASHLIB, LEAF, Hasher
from protocol.tlog.merkle import CompactRange, leaf_hash

CHUNK: Final = 1024
"""Values, or labels, in one leaf; the last leaf may have fewer."""
VALUE_BYTES: Final = 8


class ChunkRoot:
    """The root of items of `item_bytes` each, of which some come at a time."""

    def __init__(
        self,
        item_bytes: int,
        hasher: Hasher = HASHLIB,
        *,
        tree: CompactRange | None = None,
        begun: bytes = b"",
    ) -> None:
        """Of none so far; or of those in the `tree`, and those `begun`, which are less than a leaf."""
        self._leaf_bytes = CHUNK * item_bytes
        self._hasher = hasher
        self._tree = tree or CompactRange()
        self._begun = bytearray(begun)
        """The items of a leaf that is not full yet."""

    def take(self, items: Octets) -> None:
        """The next items, one after the other."""
        octets = memoryview(items).cast("B")
        if self._begun:
            missing = self._leaf_bytes - len(self._begun)
            self._begun += octets[:missing]
            if len(self._begun) < self._leaf_bytes:
                return
            self._tree.append(leaf_hash(bytes(self._begun)))
            self._begun, octets = bytearray(), octets[missing:]
        whole = len(octets) // self._leaf_bytes * self._leaf_bytes
        leaves = self._hasher.each(LEAF, octets[:whole], self._leaf_bytes)
        self._tree.extend_joined(leaves, self._hasher)
        self._begun += octets[whole:]

    def take_values(self, values: U64Array) -> None:
        """The next values, each a u64 big-endian."""
        self.take(values.astype(">u8").view(np.uint8).data)

    def copy(self) -> "ChunkRoot":
        """One of the same items that goes on by itself."""
        return ChunkRoot(
            self._leaf_bytes // CHUNK, self._hasher, tree=self._tree.copy(), begun=bytes(self._begun)
        )

    def root(self) -> bytes:
        """32 bytes, of all items so far."""
        tree = self._tree.copy()
        if self._begun:
            tree.append(leaf_hash(bytes(self._begun)))
        return tree.root()


def labels_root(pieces: Iterable[Octets], label_bytes: int, hasher: Hasher = HASHLIB) -> bytes:
    """32 bytes: the root over chunks of 1 024 labels of `label_bytes` each, which come some at a time."""
    chunks = ChunkRoot(label_bytes, hasher)
    for piece in pieces:
        chunks.take(piece)
    return chunks.root()
