"""The keys of a running import behave like a set, however they are kept."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.lists.imports import seen_keys
from node.lists.imports.seen_keys import SeenKeys

KEYS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), max_size=20)


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """The Python set joins the array often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_keys, "_RECENT", 5)
        yield


@given(st.lists(KEYS, max_size=8), KEYS)
def test_knows_what_was_added_and_nothing_else(batches: list[list[int]], asked: list[int]) -> None:
    keys, model = SeenKeys(), set[int]()
    for batch in batches:
        array = np.array(batch, dtype=np.int64)
        assert keys.among(array).tolist() == [key in model for key in batch]
        keys.add(array)
        model |= set(batch)
    assert [key in keys for key in asked] == [key in model for key in asked]
    assert keys.among(np.array(asked, dtype=np.int64)).tolist() == [key in model for key in asked]
