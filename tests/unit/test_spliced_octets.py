"""Octets in two places: as if they were in one, whatever was made of them before."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedError
from protocol.subset.spliced_octets import Spliced

BASE = bytes(range(20))
CHANGES = st.lists(
    st.lists(st.tuples(st.booleans(), st.binary(max_size=4), st.integers(0, 9)), max_size=8), max_size=4
)


@given(CHANGES)
def test_whatever_is_joined_reads_like_one_piece(changes: list[list[tuple[bool, bytes, int]]]) -> None:
    spliced, wanted = Spliced.of(BASE), BASE
    for change in changes:
        parts: list[Any] = [slice(2 * at, 2 * at + 5) if stays else new for stays, new, at in change]
        wanted = b"".join(wanted[part] if isinstance(part, slice) else part for part in parts)
        spliced = spliced.joined(parts)
        spliced = Spliced.from_bytes(BASE, spliced.to_bytes())
        assert (bytes(spliced), len(spliced)) == (wanted, len(wanted))
        for size in (1, 3, 50):
            assert b"".join(spliced.pieces(size)) == wanted
            assert b"".join(spliced.pieces(size, slice(1, 9))) == wanted[1:9]
        for start in range(len(wanted)):
            assert spliced[start : start + 4] == wanted[start : start + 4]
        found = spliced.at(np.arange(len(wanted)), 1)
        assert found.tobytes() == wanted
        assert len(spliced.fresh) <= len(wanted)


def test_what_lies_in_one_piece_is_not_copied() -> None:
    base = memoryview(BASE)
    spliced = Spliced.of(base).joined([slice(0, 4), b"new", slice(4, 20)])
    assert [memoryview(piece).obj is BASE for piece in spliced.pieces(4)] == [True, False, *[True] * 3, True][
        :6
    ]
    assert Spliced.of(spliced) is spliced


def test_runs_that_meet_again_are_one() -> None:
    spliced = Spliced.of(BASE).joined([slice(0, 4), b"a", b"b", slice(4, 20)])
    assert spliced.runs == 3
    assert spliced.joined([slice(0, 4), slice(6, 22)]).runs == 1
    assert Spliced.of(BASE).joined([slice(0, 20), b"behind the last"]).runs == 2
    assert Spliced.of(b"").runs == len(Spliced.of(b"")) == 0


BAD = {
    "no run": b"\0\0\0\1" + bytes(15),
    "fewer runs than it says": b"\0\0\0\2" + bytes(7) + b"\0" + bytes(7) + b"\1",
    "an empty run": b"\0\0\0\1" + bytes(16),
    "a run beyond the base": b"\0\0\0\1" + bytes(7) + b"\5" + bytes(7) + b"\x10",
    "a run out of the base into what is new": b"\0\0\0\1" + bytes(7) + b"\x13" + bytes(7) + b"\2" + b"new",
    "a run beyond what is new": b"\0\0\0\1" + bytes(7) + b"\x14" + bytes(7) + b"\4" + b"new",
    "a place that wraps around": b"\0\0\0\1" + b"\xff" * 8 + bytes(7) + b"\5",
    "a size that wraps around": b"\0\0\0\1" + bytes(8) + b"\xff" * 8,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_nobody_wrote_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="spliced octets"):
        Spliced.from_bytes(BASE, data)
