"""Names of digests that wait for a list: as a set of them, in sixteen octets each."""

from random import Random

import numpy as np
import pytest

from node.subsets.basis import names_without, sorted_names


@pytest.mark.parametrize("count", [0, 1, 200])
def test_names_are_ascending_and_each_once(count: int) -> None:
    random = Random(count)
    names = [(random.randrange(-5, 5), random.randrange(-5, 5)) for _ in range(count)]
    half = count // 2
    parts = [np.array(part, dtype=np.int64).reshape(-1, 2) for part in (names[:half], names[half:])]
    found = sorted_names(parts)
    assert found.tolist() == [[*name] for name in sorted(set(names))]
    gone = [name for name in names if random.random() < 0.5]
    left = names_without(found, np.array(gone, dtype=np.int64).reshape(-1, 2))
    assert left.tolist() == [[*name] for name in sorted({*names} - {*gone})]


def test_a_name_that_shares_its_look_up_key_stays() -> None:
    names = sorted_names([np.array([[1, 2], [1, 3]], dtype=np.int64)])
    assert names_without(names, np.array([[1, 3], [4, 4]], dtype=np.int64)).tolist() == [[1, 2]]


def test_nothing_waits() -> None:
    assert sorted_names([]).tolist() == []
