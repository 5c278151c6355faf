"""Identity, PRF input, screen and answers: what is hashed, what is chosen, how wide it is."""

from hashlib import blake2b, sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.digest import Algorithm, Digest
from protocol.subset.answers import equal_range, order_answers
from protocol.subset.chunks import ChunkRoot, labels_root
from protocol.subset.exclusions import exclusions_hash
from protocol.subset.identity import subset_id
from protocol.subset.label import tag
from protocol.subset.prf_input import prf_input
from protocol.subset.screen import screen_value, screen_values, truncate
from protocol.subset.widths import answer_width, kept_answer_width, kept_screen_width, screen_width
from protocol.tlog.merkle import EMPTY_ROOT, leaf_hash, node_hash, root_of
from support.answers import build_answers
from support.subsets import ORIGIN, SUBSET, digest, u64, values_root

MD5 = digest("f", Algorithm.MD5)
SHA1 = digest("f", Algorithm.SHA1)
SHA256 = digest("f")
PDQ = digest("f", Algorithm.PDQ)
PHOTODNA = digest("f", Algorithm.PHOTODNA)


def test_subset_id_is_a_domain_separated_hash_of_the_origin() -> None:
    assert subset_id(ORIGIN) == sha256(b"sigfed/subset/v1\0" + ORIGIN.encode()).digest()[:16]
    assert subset_id("nl.example/subsets/baseline") != SUBSET


def test_prf_input_binds_subset_algorithm_and_length() -> None:
    value = bytes(range(20))
    expected = b"SIGFED-V1\0" + SUBSET + b"\x02\x00\x14" + value
    assert prf_input(SUBSET, Digest(Algorithm.SHA1, value)) == expected


def test_screen_value_is_a_personalised_blake2b() -> None:
    data = b"\x03" + SHA256.value
    person = b"SIGFED1-scr" + bytes(5)
    assert screen_value(SHA256).to_bytes(8, "big") == blake2b(data, digest_size=8, person=person).digest()
    assert screen_values([SHA256, MD5]).tolist() == [screen_value(SHA256), screen_value(MD5)]
    assert screen_values([]).tolist() == []


@pytest.mark.parametrize(
    ("count", "bits", "width"),
    [
        (0, 12, 12),
        (1, 12, 12),
        (2, 12, 13),
        (3, 12, 14),
        (4, 12, 14),
        (5, 8, 11),
        (10**6, 12, 32),
        (10**6, 0, 0),
    ],
)
def test_screen_width_at_a_snapshot(count: int, bits: int, width: int) -> None:
    assert screen_width(count, bits) == width


@pytest.mark.parametrize(
    ("held", "count", "bits", "kept"),
    [
        pytest.param(32, 10**6, 12, 32, id="fits"),
        pytest.param(31, 10**6, 12, 31, id="one narrower: a few more survivors"),
        pytest.param(30, 10**6, 12, 32, id="two narrower"),
        pytest.param(33, 10**6, 12, 32, id="wider leaks more than the budget"),
        pytest.param(0, 10**6, 12, 32, id="there was no screen"),
        pytest.param(0, 1, 1, 1, id="no screen is not a narrow screen"),
        pytest.param(32, 10**6, 0, 0, id="the screen is given up"),
    ],
)
def test_screen_width_is_kept_within_the_leak_budget(held: int, count: int, bits: int, kept: int) -> None:
    assert kept_screen_width(held, count=count, screen_bits=bits) == kept


@pytest.mark.parametrize(("width", "value"), [(64, 2**64 - 1), (63, 2**63 - 1), (1, 1)])
def test_truncate_keeps_the_top_bits(width: int, value: int) -> None:
    assert truncate(u64(2**64 - 1), width).tolist() == [value]


@pytest.mark.parametrize(("count", "width"), [(0, 32), (1, 32), (2, 33), (10**6, 52), (2**31, 63)])
def test_answer_width_at_a_snapshot(count: int, width: int) -> None:
    assert answer_width(count) == width


@pytest.mark.parametrize(
    ("held", "kept"),
    [
        pytest.param(52, 52, id="fits"),
        pytest.param(53, 53, id="one wider costs a bit an answer"),
        pytest.param(54, 52, id="two wider"),
        pytest.param(51, 52, id="narrower would break the false positive promise"),
    ],
)
def test_answer_width_is_kept_while_false_positives_stay_rare(held: int, kept: int) -> None:
    assert kept_answer_width(held, count=10**6) == kept


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**32)), unique=True))
def test_answers_are_in_the_order_of_whole_outputs(named: list[tuple[int, int]]) -> None:
    """Which are asked for where tags are equal, and only there."""
    outputs = [bytes([first]) * 8 + last.to_bytes(56) for first, last in named]
    asked: list[int] = []

    def whole(places: list[int]) -> list[bytes]:
        asked.extend(places)
        return [outputs[place] for place in places]

    tags = np.array([int.from_bytes(tag(item)) for item in outputs], dtype=np.uint64)
    order = order_answers(tags, whole)
    assert np.array_equal(order, build_answers(outputs, 40).order) if outputs else not len(order)
    heads = [first for first, _ in named]
    assert sorted(asked) == [place for place, first in enumerate(heads) if heads.count(first) > 1]


def test_equal_range_of_a_value_that_is_not_there_is_empty() -> None:
    assert len(equal_range(u64(1, 3), 2)) == 0


def test_roots_are_over_chunks_of_1024_big_endian_values() -> None:
    values = np.arange(2050, dtype=np.uint64)
    data = b"".join(value.to_bytes(8, "big") for value in range(2050))
    first, second, third = (leaf_hash(data[start : start + 8192]) for start in (0, 8192, 16384))
    assert values_root(values) == node_hash(node_hash(first, second), third)
    assert values_root(u64()) == EMPTY_ROOT


def test_label_roots_are_over_chunks_of_1024_labels() -> None:
    labels = bytes(48) * 1024 + b"\1" * 48
    assert labels_root([labels], 48) == node_hash(leaf_hash(bytes(48) * 1024), leaf_hash(b"\1" * 48))


@pytest.mark.parametrize("size", [0, 1500, 2048])
def test_a_root_goes_on_in_two_ways(size: int) -> None:
    begun = ChunkRoot(1)
    begun.take(bytes(size))
    other = begun.copy()
    begun.take(b"\1" * 1000)
    other.take(b"\2" * 1000)
    for number, chunks in ((1, begun), (2, other)):
        assert chunks.root() == labels_root([bytes(size) + bytes([number]) * 1000], 1)


@pytest.mark.parametrize("size", [99_991, 301], ids=["chunks at a time", "a part of a chunk at a time"])
def test_a_root_is_that_of_all_chunks_however_the_items_come(size: int) -> None:
    octets = np.random.default_rng(1).bytes(2100 * 1024 + 7)  # more leaves than the tree takes in at once
    chunks = ChunkRoot(1)
    for start in range(0, len(octets), size):
        chunks.take(memoryview(octets)[start : start + size])
    leaves = [leaf_hash(octets[start : start + 1024]) for start in range(0, len(octets), 1024)]
    assert chunks.root() == root_of(leaves)
    assert chunks.root() == root_of(leaves), "asking changes nothing"


def test_exclusions_commit_to_a_salted_set() -> None:
    salt = bytes(32)
    expected = sha256(
        b"sigfed/exclusions/v1\0" + salt + b"\x01\x00\x10" + MD5.value + b"\x03\x00\x20" + SHA256.value
    )
    assert exclusions_hash(salt, [SHA256, MD5, SHA256]) == expected.digest()
    assert exclusions_hash(b"s" * 32, [SHA256, MD5]) != expected.digest()
