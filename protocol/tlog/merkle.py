"""The Merkle tree of RFC 6962 section 2.1: hashes, the streaming frontier, proofs and their verification.

Everything a follower needs about a log of any size is its `CompactRange`: at most 48 hashes. Verification
follows RFC 9162 sections 2.1.3.2 and 2.1.4.2 step by step and refuses what those leave to the caller
(size 0, a proof with hashes of another length). Where tree hashes are stored is `tiles`' and the node's
matter. Spec: docs/spec/log.md.
"""

import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, Self

from protocol.errors import MalformedError, ProofError
from protocol.limits import MAX_LOG_SIZE
from protocol.slices import batches
from protocol.tlog.hasher import HASH_BYTES, HASHLIB, LEAF, Hasher

EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of the tree without leaves: SHA-256 of nothing."""


_CHUNK: Final = 4096
_SIZE: Final = struct.Struct(">Q")


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf: SHA-256(00 || data), 32 bytes."""
    return sha256(LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(01 || left || right), 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Root of the tree with these leaf hashes; `EMPTY_ROOT` for none."""
    tree = CompactRange()
    tree.extend(leaf_hashes)
    return tree.root()


class CompactRange:
    """The roots of the perfect subtrees of a growing log: appends and gives the root, remembers no leaf.

    The subtree of height h is present exactly when bit h of `size` is set, as in a binary counter.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # by height; a height whose bit of size is clear holds stale bytes

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self._add(leaf, HASHLIB)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order: about one SHA-256 each, level by level, in bounded memory."""
        for chunk in batches(leaves, _CHUNK):
            self._add(b"".join(chunk), HASHLIB)

    def extend_joined(self, leaves: bytes, hasher: Hasher) -> None:
        """Add the leaf hashes (32 B each) of a bundle, in order."""
        self._add(leaves, hasher)

    def root(self) -> bytes:
        """RFC 6962 root of all leaves so far, 32 bytes."""
        root = b""
        for height, peak in enumerate(self._peaks):
            if self.size >> height & 1:
                root = node_hash(peak, root) if root else peak
        return root or EMPTY_ROOT

    def copy(self) -> "CompactRange":
        """An independent range with the same leaves: try on it what may have to be undone."""
        twin = CompactRange()
        twin.size = self.size
        twin._peaks = self._peaks.copy()
        return twin

    def to_bytes(self) -> bytes:
        """Size u64 big-endian, then the subtree roots from the largest to the smallest, 32 bytes each."""
        peaks = (p for h, p in enumerate(self._peaks) if self.size >> h & 1)
        return _SIZE.pack(self.size) + b"".join(reversed(list(peaks)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The range that `to_bytes` wrote; raises `MalformedError`."""
        if len(data) < _SIZE.size:
            raise MalformedError("a tree frontier that is too short")
        (size,) = _SIZE.unpack_from(data)
        if size > MAX_LOG_SIZE or len(data) != _SIZE.size + HASH_BYTES * size.bit_count():
            raise MalformedError("a tree frontier whose length does not fit its size")
        tree = cls()
        tree.size = size
        at = len(data)
        for height in range(size.bit_length()):
            present = size >> height & 1
            tree._peaks.append(data[at - HASH_BYTES : at] if present else b"")
            at -= HASH_BYTES * present
        return tree

    def _add(self, nodes: bytes, hasher: Hasher) -> None:
        size, height, peaks = self.size, 0, self._peaks
        self.size += len(nodes) // HASH_BYTES
        while nodes:
            if height == len(peaks):
                peaks.append(b"")
            if size >> height & 1:
                nodes = peaks[height] + nodes
            if len(nodes) // HASH_BYTES & 1:
                peaks[height], nodes = nodes[-HASH_BYTES:], nodes[:-HASH_BYTES]
            nodes = hasher.nodes(nodes)
            height += 1


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Leaf ranges [begin, end) whose roots are the inclusion proof of `index`, nearest the leaf first.

    RFC 9162 section 2.1.3.1.
    """
    assert 0 <= index < size, "no such leaf"
    ranges: list[tuple[int, int]] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """Leaf ranges [begin, end) whose roots are the consistency proof from `old_size` to `new_size`, in order.

    RFC 9162 section 2.1.4.1. Empty when the sizes are equal.
    """
    assert 0 < old_size <= new_size, "no proof leads from the empty tree or backwards"
    ranges: list[tuple[int, int]] = []
    begin, end = 0, new_size
    while end > old_size:
        middle = begin + _split(end - begin)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    if begin:  # otherwise the old root itself is the first node, and the verifier has it
        ranges.append((begin, end))
    return ranges[::-1]


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int, new_size: int) -> list[bytes]:
    """Proof that the tree of the first `old_size` leaf hashes is a prefix of that of the first `new_size`."""
    return [root_of(leaf_hashes[b:e]) for b, e in consistency_ranges(old_size, new_size)]


def verify_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash `leaf` is number `index` of the tree; raises `ProofError`.

    RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError("an index outside the tree")
    _check_lengths(leaf, root, *proof)
    fn, sn, node = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise ProofError("an inclusion proof that is too long")
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            fn, sn = _skip_even(fn, sn)
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn or node != root:
        raise ProofError("an inclusion proof that does not lead to the root")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the old tree is a prefix of the new one; raises `ProofError`. RFC 9162 section 2.1.4.2.

    `old_size` 0 is refused: everything follows the empty tree, so there is nothing to prove and a caller
    that asks has lost its state.
    """
    if not 0 < old_size <= new_size:
        raise ProofError("no consistency proof leads from the empty tree or backwards")
    _check_lengths(old_root, new_root, *proof)
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofError("trees of one size with different roots")
        return
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        raise ProofError("an empty consistency proof")
    _climb(path, old_size - 1, new_size - 1, old_root=old_root, new_root=new_root)


def _climb(path: list[bytes], fn: int, sn: int, *, old_root: bytes, new_root: bytes) -> None:
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise ProofError("a consistency proof that is too long")
        if fn & 1 or fn == sn:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            fn, sn = _skip_even(fn, sn)
        else:
            new_node = node_hash(new_node, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn or old_node != old_root or new_node != new_root:
        raise ProofError("a consistency proof that does not lead to both roots")


def _skip_even(fn: int, sn: int) -> tuple[int, int]:
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _check_lengths(*hashes: bytes) -> None:
    if any(len(h) != HASH_BYTES for h in hashes):
        raise ProofError("a tree hash that is not 32 bytes")
