"""Set coding and deltas: known bytes, and every way in which bytes are refused."""

import struct

import numpy as np
import pytest
from benchmarks.bench_setcoding import (
    COUNT,
    MOST_DELTA,
    MOST_SNAPSHOT,
    WIDTHS,
    changed_set,
    measure_delta,
    measure_snapshot,
    random_set,
)

from protocol import limits
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.subset.deltas.values import Alignment, align, apply_delta, encode_delta, kept_places
from protocol.subset.rice import U64Array, decode_sorted, encode_sorted, gathered, parameter
from protocol.subset.sets import decode_multiset, encode_multiset, encode_set
from support.subsets import u64


@pytest.mark.parametrize(
    ("count", "bound", "k"),
    [
        pytest.param(1, 2, 0, id="0.481 * 2 < 1"),
        pytest.param(1, 3, 1, id="0.481 * 3 > 1"),
        pytest.param(10**6, 2**32, 12, id="a default screen"),
        pytest.param(10**6, 2**52, 32, id="a million answers"),
        pytest.param(5, 3, 0, id="more values than bound"),
        pytest.param(1, 2**63, 62, id="widest"),
        pytest.param(481, 1000, 0, id="exactly at the border"),
        pytest.param(480, 1000, 1, id="just beyond it"),
    ],
)
def test_parameter_follows_from_count_and_bound(count: int, bound: int, k: int) -> None:
    assert parameter(count, bound) == k
    assert (count << k) * 1000 >= 481 * bound
    assert k == 0 or (count << (k - 1)) * 1000 < 481 * bound


def test_known_code() -> None:
    # 3 values of 8 bits: k = 6; gaps 5, 130, 1 -> quotients 0, 2, 0 and remainders 5, 2, 1
    code = bytes([0b1001_1000, 0b0001_0100, 0b0010_0000, 0b0100_0000])
    assert encode_set(u64(5, 135, 136), 8) == code
    assert gathered(decode_multiset(code, width=8, count=3)).tolist() == [5, 135, 136]


def test_nothing_is_no_bytes() -> None:
    assert encode_set(u64(), 8) == b""
    assert gathered(decode_multiset(b"", width=8, count=0)).tolist() == []


@pytest.mark.parametrize(
    ("data", "count", "error", "text"),
    [
        pytest.param(b"\0", 0, MalformedError, "nothing", id="bytes for no values"),
        pytest.param(b"", 3, MalformedError, "length", id="no bytes for three values"),
        pytest.param(bytes.fromhex("98142040")[:3], 3, MalformedError, "count", id="one byte short"),
        pytest.param(bytes.fromhex("9814204000"), 3, MalformedError, "count", id="one byte more"),
        pytest.param(bytes.fromhex("98142040") + bytes(9), 3, MalformedError, "length", id="far too long"),
        pytest.param(bytes.fromhex("d8142040"), 3, MalformedError, "count", id="a fourth code"),
        pytest.param(bytes.fromhex("88142040"), 3, MalformedError, "count", id="two codes"),
        pytest.param(bytes.fromhex("98142041"), 3, NotCanonicalError, "padding", id="padding bit set"),
        pytest.param(
            bytes.fromhex("e000142040"),
            3,
            MalformedError,
            "length",
            id="more quotient bytes than the bound allows",
        ),
        pytest.param(bytes.fromhex("86142040"), 3, MalformedError, "bounds", id="quotients reach the bound"),
        pytest.param(bytes.fromhex("8cffffc0"), 3, MalformedError, "bounds", id="last value is 2^8 or more"),
    ],
)
def test_code_is_refused(data: bytes, count: int, error: type[MalformedError], text: str) -> None:
    with pytest.raises(error, match=text):
        gathered(decode_multiset(data, width=8, count=count))


def test_zero_bytes_behind_the_quotients_are_not_canonical() -> None:
    # 20 values of 16 bits: up to 20 + 31 bits of quotients, so that there is room for a spare byte
    code = encode_set(np.arange(20, dtype=np.uint64), 16)
    k = parameter(20, 2**16)
    split = len(code) - (20 * k + 7) // 8
    with pytest.raises(NotCanonicalError, match="zero bytes"):
        gathered(decode_multiset(code[:split] + b"\0" + code[split:], width=16, count=20))


def test_quotients_that_wrap_around_to_a_small_value_are_out_of_bounds() -> None:
    zero = encode_set(u64(0), 63)
    assert zero == b"\x80" + bytes(8)
    with pytest.raises(MalformedError, match="bounds"):
        gathered(decode_multiset(b"\x08" + bytes(8), width=63, count=1))  # 4 * 2^62 is 0 modulo 2^64


def test_a_multiset_may_have_a_value_twice() -> None:
    code = encode_multiset(u64(7, 7, 9), 8)
    assert gathered(decode_multiset(code, width=8, count=3)).tolist() == [7, 7, 9]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(u64(0), id="zero"),
        pytest.param(u64(2**63 - 1), id="last of all"),
        pytest.param(u64(0, 2**63 - 1), id="both ends"),
        pytest.param(u64(*[2**63 - 1] * 70), id="all at the end"),
    ],
)
def test_widest_values(values: U64Array) -> None:
    code = encode_multiset(values, 63)
    assert gathered(decode_multiset(code, width=63, count=len(values))).tolist() == values.tolist()


def test_dense_values_need_no_remainders() -> None:
    values = np.arange(100, dtype=np.uint64)
    code = encode_sorted(values, 100)
    assert len(code) == 25  # a gap of one is two bits; the first value has no gap
    assert decode_sorted(code, count=100, bound=100).tolist() == values.tolist()


def test_blocks_join_without_a_seam() -> None:
    values = np.cumsum(np.arange(20_000, dtype=np.uint64) % np.uint64(977), dtype=np.uint64)
    code = encode_multiset(values, 40)
    assert (gathered(decode_multiset(code, width=40, count=20_000)) == values).all()


@pytest.mark.parametrize(
    ("values", "width"),
    [
        pytest.param(u64(2, 1), 8, id="not sorted"),
        pytest.param(u64(1, 1), 8, id="twice"),
        pytest.param(u64(256), 8, id="too wide"),
        pytest.param(u64(1), 0, id="no width"),
        pytest.param(u64(1), 64, id="width beyond 63"),
    ],
)
def test_encoding_what_is_not_a_set_is_a_mistake(values: U64Array, width: int) -> None:
    with pytest.raises(AssertionError):
        encode_set(values, width)


def test_more_values_than_a_release_may_have() -> None:
    with pytest.raises(TooLargeError):
        gathered(decode_multiset(b"", width=8, count=limits.MAX_SET_VALUES + 1))


@pytest.mark.parametrize(
    ("old", "new", "removed", "inserted"),
    [
        pytest.param([], [], [], [], id="nothing"),
        pytest.param([], [1, 2], [], [0, 1], id="first values"),
        pytest.param([1, 2], [], [0, 1], [], id="all removed"),
        pytest.param([1, 2, 3], [2, 3, 4], [0], [2], id="one goes, one comes"),
        pytest.param([5, 5, 5], [5, 5], [2], [], id="the last of equals goes"),
        pytest.param([5], [5, 5], [], [1], id="the last of equals comes"),
        pytest.param([5, 5], [4, 6], [0, 1], [0, 1], id="nothing in common"),
    ],
)
def test_align_keeps_the_most(
    old: list[int], new: list[int], removed: list[int], inserted: list[int]
) -> None:
    alignment = align(u64(*old), u64(*new))
    assert isinstance(alignment, Alignment)
    assert alignment.removed.tolist() == removed
    assert alignment.inserted.tolist() == inserted
    assert len(kept_places(len(old), alignment.removed)) == len(kept_places(len(new), alignment.inserted))


OLD = u64(3, 5, 5, 9, 200)
DELTA = encode_delta(OLD, u64(3, 5, 7, 9, 200), 8)


def test_delta_is_two_codes_behind_their_counts() -> None:
    removed = encode_sorted(u64(2), 5)
    added = encode_sorted(u64(7), 2**8)
    assert struct.pack(">III", 1, 1, len(removed)) + removed + added == DELTA
    assert gathered(apply_delta(OLD, DELTA, 8)).tolist() == [3, 5, 7, 9, 200]


def _delta(
    removed: list[int],
    added: list[int],
    *,
    counts: tuple[int, int] | None = None,
    removed_bytes: int | None = None,
) -> bytes:
    code = encode_sorted(u64(*removed), len(OLD))
    head = (*(counts or (len(removed), len(added))), len(code) if removed_bytes is None else removed_bytes)
    return struct.pack(">III", *head) + code + encode_sorted(u64(*added), 256)


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        pytest.param(DELTA[:11], MalformedError, "head", id="shorter than its head"),
        pytest.param(DELTA[:-1], MalformedError, "set coding", id="cut"),
        pytest.param(DELTA + b"\0", MalformedError, "set coding", id="a byte more"),
        pytest.param(
            _delta([2], [7], counts=(6, 1)), MalformedError, "than there are", id="removes six of five"
        ),
        pytest.param(
            _delta([2], [7], counts=(0, limits.MAX_SET_VALUES)),
            TooLargeError,
            "more than",
            id="leads to too many",
        ),
        pytest.param(
            _delta([2], [7], counts=(1, 2**20)), MalformedError, "length", id="a million in no bytes"
        ),
        pytest.param(
            _delta([2], [7], removed_bytes=99), MalformedError, "removed places", id="code beyond the end"
        ),
        pytest.param(
            _delta([2], [], removed_bytes=99),
            MalformedError,
            "removed places",
            id="wrong split, nothing added",
        ),
        pytest.param(_delta([1], [7]), NotCanonicalError, "between", id="the first of equals goes"),
        pytest.param(_delta([0], [3]), NotCanonicalError, "between", id="goes and comes back"),
        pytest.param(_delta([2, 2], [7]), NotCanonicalError, "between", id="one place twice"),
    ],
)
def test_delta_is_refused(data: bytes, error: type[MalformedError], text: str) -> None:
    with pytest.raises(error, match=text):
        gathered(apply_delta(OLD, data, 8))


def test_delta_from_nothing_and_to_nothing() -> None:
    everything = encode_delta(u64(), OLD, 8)
    assert gathered(apply_delta(u64(), everything, 8)).tolist() == OLD.tolist()
    assert gathered(apply_delta(OLD, encode_delta(OLD, u64(), 8), 8)).tolist() == []


@pytest.mark.parametrize("width", WIDTHS)
def test_a_million_values_take_little_more_than_their_entropy(width: int) -> None:
    rng = np.random.default_rng(1)
    values = random_set(rng, width, COUNT)
    assert measure_snapshot(values, width).ratio <= MOST_SNAPSHOT
    assert measure_delta(values, changed_set(rng, values, width), width).ratio <= MOST_DELTA
