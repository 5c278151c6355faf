"""The kernel against libsodium with numbers that nobody chose: for seconds, or ten million products when thorough."""

import os
import random
import time

import pytest

from protocol.oprf.kernel import PATHS
from support.edges import SCALARS, UNIFORM, elements
from support.kernel import EMULATED_LANES, KERNELS, group_named, sodium
from support.sizes import size

pytestmark = pytest.mark.slow

SECONDS = size(quick=3, thorough=30)
"""On each path."""
FEWEST = 500
PRODUCTS = size(quick=FEWEST, thorough=5_000_000)
"""At least as many, on each path of this machine and compiler; in quick runs seconds count, whatever else it does."""
MOST = 700
"""Items in a batch."""


@pytest.mark.threat("wrong arithmetic")
@pytest.mark.parametrize("name", [name for name in KERNELS if name != EMULATED_LANES])
def test_random_and_edge_points_as_libsodium_computes_them(name: str) -> None:
    group, oracle = group_named(name), sodium()
    seed = os.urandom(16).hex()
    numbers, end, done = random.Random(seed), time.process_time() + SECONDS, 0
    points = elements(oracle)
    least = PRODUCTS if name in PATHS else FEWEST
    while done < least or time.process_time() < end:
        count = numbers.choice([1, 2, 3, 8, numbers.randrange(1, 40), numbers.randrange(1, MOST)])
        uniform = b"".join(
            numbers.choice(UNIFORM) if numbers.random() < 0.1 else numbers.randbytes(64) for _ in range(count)
        )
        mapped = oracle.from_uniform(uniform)
        assert group.from_uniform(uniform) == mapped, seed
        batch = b"".join(
            numbers.choice(points)
            if numbers.random() < 0.2 or not any(mapped[at : at + 32])
            else mapped[at : at + 32]
            for at in range(0, len(mapped), 32)
        )
        scalars = b"".join(
            numbers.choice(SCALARS) if numbers.random() < 0.2 else numbers.randbytes(32) for _ in range(count)
        )
        products = oracle.multiply_each(scalars, batch)
        assert group.multiply_each(scalars, batch) == products, seed
        assert group.multiply_all(scalars[:32], batch[:320]) == oracle.multiply_all(
            scalars[:32], batch[:320]
        ), seed
        assert group.weighted_sum(scalars, batch) == oracle.sum(products), seed
        assert group.reduce(uniform) == oracle.reduce(uniform), seed
        done += count
