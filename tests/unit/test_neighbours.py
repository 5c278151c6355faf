"""Near PDQ values are exactly those that counting bits finds, and a list that was cut off is not searched."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import InputRefusedError
from node.formats.recipient_list import read_recipient_list, values_of
from node.hashing.neighbours import Near, near
from protocol.digest import Algorithm, Digest
from support.lists import digest

BASE = digest("a made-up picture", Algorithm.PDQ)
VALUES = st.binary(min_size=32, max_size=32).map(lambda value: Digest(Algorithm.PDQ, value))


def apart(bits: int) -> Digest:
    """A value that differs from `BASE` in so many bits."""
    value = int.from_bytes(BASE.value) ^ sum(1 << 3 * bit for bit in range(bits))
    return Digest(Algorithm.PDQ, value.to_bytes(32))


def distance(one: Digest, other: Digest) -> int:
    return (int.from_bytes(one.value) ^ int.from_bytes(other.value)).bit_count()


@given(st.lists(VALUES, max_size=6), st.lists(VALUES, max_size=3), st.integers(0, 256))
def test_it_finds_what_counting_bits_finds(
    listed: Sequence[Digest], asked: Sequence[Digest], most: int
) -> None:
    found = list(near(values_of(listed), values_of(asked), most=most))
    expected = {
        Near(place, at, distance(one, other))
        for place, one in enumerate(asked)
        for at, other in enumerate(listed)
        if distance(one, other) <= most
    }
    assert set(found) == expected
    assert len(found) == len(expected)
    assert found == sorted(found, key=lambda pair: (pair.asked, pair.distance, pair.listed))


def test_the_recommended_distance_is_31_and_it_counts() -> None:
    listed = values_of([apart(bits) for bits in (32, 31, 0, 85)])
    assert list(near(listed, values_of([BASE]))) == [Near(0, 2, 0), Near(0, 1, 31)]


def test_blocks_hide_nothing() -> None:
    rng = np.random.default_rng(7)
    listed = rng.integers(0, 2**63, size=(100_000, 4), dtype=np.uint64)
    places = [0, 32_767, 32_768, 65_535, 65_536, 99_999]
    listed[places] = values_of([apart(9)])[0]
    assert [pair.listed for pair in near(listed, values_of([BASE]))] == places


# ------------------------------------------------------------------ the list

MD5 = {"collection": "baseline", "algorithm": "md5", "digest": "ab" * 16}
PDQ = {"collection": "national", "algorithm": "pdq", "digest": BASE.value.hex()}


def reply(*lines: object, padding: int = 40) -> list[bytes]:
    """The lines of a reply, the last one padded as a node does."""
    texts = [json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines]
    return [*texts[:-1], texts[-1].rstrip(b"\n") + b" " * padding + b"\n"]


def test_the_pdq_values_of_a_list() -> None:
    held = read_recipient_list(reply(MD5, PDQ, MD5, PDQ | {"collection": "baseline"}, {"digests": 4}))
    assert (held.lines, held.collections, held.total) == ((2, 4), ("national", "baseline"), 4)
    assert (held.values == values_of([BASE, BASE])).all()
    assert read_recipient_list(reply({"digests": 0}, padding=65_000)).values.shape == (0, 4)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "cut off"),
        (reply(MD5, PDQ), "cut off"),
        (reply(MD5, {"digests": 2}), "other lines than there are"),
        (reply(MD5, PDQ, {"digests": 1}), "other lines than there are"),
        (reply({"digests": True}), "other lines than there are"),
        ([*reply({"digests": 0}), *reply(MD5)], "line 2 stands behind the end"),
        (reply(PDQ | {"digest": "ab" * 31}, {"digests": 1}), "line 1 does not belong"),
        (reply(PDQ | {"digest": 5}, {"digests": 1}), "line 1 does not belong"),
        (reply(MD5, PDQ | {"algorithm": "pdf"}, {"digests": 2}), "line 2 does not belong"),
        (reply({"algorithm": "pdq", "digest": "ab" * 32}, {"digests": 1}), "line 1 does not belong"),
        ([b"<html>\n"], "line 1 does not belong"),
        ([b"[" * 100_000 + b"\n"], "line 1 does not belong"),
        ([b'"' + b"x" * 200_000 + b'"\n'], "line 1 does not belong"),
        ([b"7\n"], "line 1 does not belong"),
    ],
)
def test_what_is_no_whole_list(lines: list[bytes], says: str) -> None:
    with pytest.raises(InputRefusedError, match=says) as caught:
        read_recipient_list(lines)
    assert BASE.value.hex()[:8] not in f"{caught.value} {caught.value.hint}"
