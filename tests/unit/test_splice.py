"""Sequences made of older ones: as deleting and inserting one item after the other makes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.subsets.splice import Fate, Splice

WIDTH = 3


def spliced(count: int, gone: list[int], came: list[int]) -> tuple[Splice, list[int], list[int], list[int]]:
    """A splice, what it is applied to, and what results."""
    old, new = [*range(count)], [*range(1000, 1000 + len(came))]
    wanted: list[int] = []
    for place in range(count + 1):
        wanted += [each for each, at in zip(new, came, strict=True) if at == place]
        wanted += [place] if place < count and place not in gone else []
    splice = Splice(count=count, gone=np.array(gone, dtype=np.intp), came=np.array(came, dtype=np.intp))
    return splice, old, new, wanted


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    count = draw(st.integers(1, 12))
    gone = draw(st.sets(st.integers(0, count - 1)))
    came = draw(st.lists(st.integers(0, count), max_size=6))
    return count, sorted(gone), sorted(came)


@given(cases())
def test_values_and_octets_are_spliced_alike(case: tuple[int, list[int], list[int]]) -> None:
    splice, old, new, wanted = spliced(*case)
    assert splice.values(np.array(old, dtype=np.uint64), np.array(new, dtype=np.uint64)).tolist() == wanted
    sources = {Fate.STAYS: _octets(old), Fate.GOES: _octets(old), Fate.COMES: _octets(new)}
    parts = [(fate, sources[fate][at]) for fate, at in splice.runs(WIDTH)]
    assert b"".join(part for fate, part in parts if fate is not Fate.GOES) == _octets(wanted)
    assert b"".join(part for fate, part in parts if fate is not Fate.COMES) == _octets(old)
    assert [wanted[place] for place in splice.places.tolist()] == new


def test_runs_are_as_long_as_can_be() -> None:
    splice, *_ = spliced(4, [1], [3])
    assert [fate for fate, _ in splice.runs()] == [Fate.STAYS, Fate.GOES, Fate.STAYS, Fate.COMES, Fate.STAYS]


@pytest.mark.parametrize("count", [1, 5])
def test_everything_may_go(count: int) -> None:
    splice, _, _, wanted = spliced(count, [*range(count)], [])
    assert not wanted
    assert {fate for fate, _ in splice.runs(WIDTH)} == {Fate.GOES}


def _octets(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(WIDTH) for value in values)
