"""Leaves, nodes and commitments: the kernel gives what `hashlib` gives, and what it would not is not used."""

import ctypes
import random
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from unittest.mock import Mock

import pytest

from node.group.load import load_hasher
from protocol.limits import EVENT_BYTES
from protocol.slices import slices
from protocol.tlog.hasher import HASHLIB, Hasher, KernelHasher
from protocol.tlog.merkle import CompactRange, leaf_hash
from support.kernel import compiled, mutant

PREFIX = bytes(range(49))
NO_MEMORY = -2


@pytest.fixture
def kernel() -> KernelHasher:
    """The kernel's, on a processor that has instructions for it."""
    hasher = KernelHasher(ctypes.CDLL(str(compiled("kernel"))))
    try:
        hasher.nodes(bytes(64))
    except ValueError:
        pytest.skip("needs a processor with SHA instructions")
    return hasher


def drawn(count: int) -> tuple[bytes, list[bytes]]:
    """Events and openings of any length."""
    numbers = random.Random(count)
    openings = [
        numbers.randbytes(numbers.choice([0, 22, 60, 61, numbers.randrange(400)])) for _ in range(count)
    ]
    return numbers.randbytes(EVENT_BYTES * count), openings


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 255, 256])
def test_the_kernel_hashes_as_hashlib(kernel: Hasher, count: int) -> None:
    events, openings = drawn(count)
    rows = list(slices(events, EVENT_BYTES))
    committed = [sha256(PREFIX + row[:24] + rest).digest() for row, rest in zip(rows, openings, strict=True)]
    pairs = random.Random(count).randbytes(64 * count)
    for hasher in (kernel, HASHLIB):
        assert hasher.leaves(events) == b"".join(map(leaf_hash, rows))
        assert hasher.commitments(PREFIX, events, openings) == b"".join(committed)
        assert hasher.nodes(pairs) == HASHLIB.nodes(pairs)


def test_events_of_one_time_commit_to_the_same(kernel: Hasher) -> None:
    events, openings = bytes(EVENT_BYTES * 5), [b"a", b"b", b"a" * 200, b"", b"b"]
    committed = b"".join(sha256(PREFIX + bytes(24) + opening).digest() for opening in openings)
    assert (
        HASHLIB.commitments(PREFIX, events, openings)
        == committed
        == kernel.commitments(PREFIX, events, openings)
    )


def test_a_tree_has_one_root_whoever_hashes(kernel: Hasher) -> None:
    leaves = random.Random(1).randbytes(32 * 700)
    whole = CompactRange()
    whole.extend(leaves[at : at + 32] for at in range(0, len(leaves), 32))
    for hasher in (kernel, HASHLIB):
        grown = CompactRange()
        for at in range(0, len(leaves), 32 * 61):
            grown.extend_joined(leaves[at : at + 32 * 61], hasher)
        assert grown.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_what_may_not_be_written_is_hashed_where_it_lies(kernel: Hasher, count: int) -> None:
    long = random.Random(count).randbytes(3 + 49_152 * count)
    items = [long[at : at + 49_152] for at in range(3, len(long), 49_152)]
    for hasher in (kernel, HASHLIB):
        assert hasher.each(PREFIX, memoryview(long)[3:], 49_152) == b"".join(
            sha256(PREFIX + item).digest() for item in items
        )


@pytest.mark.parametrize(
    "call",
    [
        lambda hasher: hasher.leaves(bytes(57)),
        lambda hasher: hasher.leaves(bytearray(56)),
        lambda hasher: hasher.each(b"", memoryview(bytes(112))[::2], 56),
        lambda hasher: hasher.each(b"", memoryview(bytes(57)), 56),
        lambda hasher: hasher.nodes(bytes(32)),
        lambda hasher: hasher.commitments(b"", bytes(56), []),
        lambda hasher: hasher.commitments(b"", bytes(56), [memoryview(bytes(400)).cast("I")]),
    ],
)
def test_what_has_another_length_is_not_handed_to_c(kernel: Hasher, call: Callable[[Hasher], bytes]) -> None:
    with pytest.raises(ValueError, match=r"items have|items are|type bytes"):
        call(kernel)


@pytest.mark.parametrize(("status", "error"), [(NO_MEMORY, MemoryError), (-1, ValueError)])
def test_what_the_kernel_answers_is_heard(status: int, error: type[Exception]) -> None:
    library = Mock()
    library.__class__.__getitem__ = lambda *_: Mock(return_value=status)
    with pytest.raises(error):
        KernelHasher(library).nodes(bytes(64))


# ---------------------------------------------------------------------- which one is used


def test_the_kernel_is_used_where_it_is(kernel: Hasher) -> None:
    assert isinstance(load_hasher(kernel=compiled("kernel")), type(kernel))


@pytest.mark.slow
@pytest.mark.threat("wrong arithmetic")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0xc67178f2", "0xc67178f0"),
        ("n - k < 2 ? 1 : 2", "1"),
        ("blocks[0] == blocks[1]", "here == 2"),
        ("rests += size", "rests += 0 * size"),
        ("memset(m + size, 0, blocks * 64 - size);", ""),
        ("return sha ? hash_rows", "return sha < 0 ? hash_rows"),
    ],
)
def test_a_kernel_that_hashes_otherwise_is_not_used(kernel: Hasher, before: str, after: str) -> None:
    assert load_hasher(kernel=mutant("sha256.c", before, after)) is HASHLIB


def test_hashlib_is_used_without_a_kernel_and_where_the_configuration_says_so(tmp_path: Path) -> None:
    (tmp_path / "kernel.so").write_bytes(b"no library")
    for load in (
        partial(load_hasher, kernel=tmp_path / "nothing"),
        partial(load_hasher, kernel=tmp_path / "kernel.so"),
        partial(load_hasher, "libsodium", kernel=compiled("kernel")),
    ):
        assert load() is HASHLIB
