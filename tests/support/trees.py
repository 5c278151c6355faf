"""RFC 6962 section 2.1 written as it reads, naive and recursive: the second opinion for `protocol.tlog.merkle`."""

from collections.abc import Sequence
from hashlib import sha256

from protocol.tlog.merkle import inclusion_ranges, root_of


def leaves(count: int) -> list[bytes]:
    """Leaf hashes of the entries 0, 1, 2 … as u64."""
    return [sha256(b"\x00" + i.to_bytes(8, "big")).digest() for i in range(count)]


def naive_root(hashes: Sequence[bytes]) -> bytes:
    """MTH(D[n])."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return sha256(b"\x01" + naive_root(hashes[:k]) + naive_root(hashes[k:])).digest()


def naive_path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return [*naive_path(index, hashes[:k]), naive_root(hashes[k:])]
    return [*naive_path(index - k, hashes[k:]), naive_root(hashes[:k])]


def naive_proof(old: int, hashes: Sequence[bytes], *, complete: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b), section 2.1.2."""
    if old == len(hashes):
        return [] if complete else [naive_root(hashes)]
    k = split(len(hashes))
    if old <= k:
        return [*naive_proof(old, hashes[:k], complete=complete), naive_root(hashes[k:])]
    return [*naive_proof(old - k, hashes[k:], complete=False), naive_root(hashes[:k])]


def split(size: int) -> int:
    """The largest power of two smaller than `size`, by doubling."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int | None = None) -> list[bytes]:
    """Proof that leaf `index` is in the tree of the first `size` (default: all) leaf hashes."""
    size = len(leaf_hashes) if size is None else size
    return [root_of(leaf_hashes[b:e]) for b, e in inclusion_ranges(index, size)]
