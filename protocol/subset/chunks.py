"""Roots of release files: RFC 6962 trees over chunks of what the files *mean*, never over compressed bytes.

So one partner may hold a file as a download, another as a chain of deltas, and both check the same root; and any
chunk can be proven alone. Spec: docs/spec/subset.md, section "Roots".
"""

from collections.abc import Iterator
from typing import Final

from protocol.subset.rice import U64Array
from protocol.tlog.merkle import leaf_hash, root_of

CHUNK: Final = 1024
"""Values, or labels, in one leaf; the last leaf may have fewer."""


def values_root(values: U64Array) -> bytes:
    """32 bytes: the root over chunks of 1 024 values, each value a u64 big-endian (8 192 bytes a full leaf)."""
    return _root(values.astype(">u8").tobytes(), 8)


def labels_root(labels: bytes, label_bytes: int) -> bytes:
    """32 bytes: the root over chunks of 1 024 labels of `label_bytes` each."""
    return _root(labels, label_bytes)


def _root(data: bytes, item_bytes: int) -> bytes:
    return root_of(leaf_hash(chunk) for chunk in _chunks(data, CHUNK * item_bytes))


def _chunks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
