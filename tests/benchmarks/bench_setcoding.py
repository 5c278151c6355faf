"""How close set coding is to the entropy of a random set, for a snapshot and for a delta, and how fast.

Run it as `python -m benchmarks.bench_setcoding` with `tests` and the repository on the path. The size of a coded
set depends on random values only within a few parts in 10 000, so one run tells; times are this machine's.
"""

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.results import Result, report

from protocol.subset.deltas.values import apply_delta, encode_delta
from protocol.subset.rice import U64Array, gathered
from protocol.subset.sets import decode_multiset, encode_set

COUNT = 1_000_000
ADDED = 2_000
REMOVED = 200
WIDTHS = (32, 52)
"""A screen at the default budget, and answers."""
MOST_SNAPSHOT = 1.01
MOST_DELTA = 1.03


@dataclass(frozen=True, slots=True)
class Coded:
    """Bytes against the least possible, and seconds to write and to read them."""

    octets: int
    ratio: float
    write_s: float
    read_s: float


def entropy_bits(bound: int, count: int) -> float:
    """log2 of the number of sets of `count` values below `bound`, by Stirling's formula for `count` well above 1."""
    share = count / bound
    body = count * -math.log2(share) + (bound - count) * -math.log1p(-share) / math.log(2)
    return body - 0.5 * math.log2(2 * math.pi * count * (1 - share))


def random_set(rng: np.random.Generator, width: int, count: int) -> U64Array:
    """A set of `count` random values of `width` bits."""
    values = np.unique(rng.integers(0, 1 << width, size=count + count // 50, dtype=np.uint64))
    return np.sort(rng.choice(values, count, replace=False))


def changed_set(rng: np.random.Generator, values: U64Array, width: int) -> U64Array:
    """The set with `REMOVED` values less and `ADDED` more."""
    kept = np.delete(values, rng.choice(len(values), REMOVED, replace=False))
    fresh = np.setdiff1d(rng.integers(0, 1 << width, size=2 * ADDED, dtype=np.uint64), values)
    return np.sort(np.concatenate([kept, rng.permutation(fresh)[:ADDED]]))


def measure_snapshot(values: U64Array, width: int) -> Coded:
    """Code a set and read it back."""
    started = time.perf_counter()
    code = encode_set(values, width)
    written = time.perf_counter()
    same = np.array_equal(gathered(decode_multiset(code, width=width, count=len(values))), values)
    read = time.perf_counter()
    assert same
    ratio = 8 * len(code) / entropy_bits(1 << width, len(values))
    return Coded(len(code), ratio, written - started, read - written)


def measure_delta(old: U64Array, new: U64Array, width: int) -> Coded:
    """Code the change of a set and apply it; the least possible is that of both random sets in it."""
    started = time.perf_counter()
    delta = encode_delta(old, new, width)
    written = time.perf_counter()
    same = np.array_equal(gathered(apply_delta(old, delta, width)), new)
    read = time.perf_counter()
    assert same
    least = entropy_bits(1 << width, ADDED) + entropy_bits(len(old), REMOVED)
    return Coded(len(delta), 8 * len(delta) / least, written - started, read - written)


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Both ratios for each width."""
    rng = np.random.default_rng(1)
    for width in WIDTHS:
        values = random_set(rng, width, COUNT // divisor)
        yield _result("snapshot", width, measure_snapshot(values, width), MOST_SNAPSHOT)
        changed = changed_set(rng, values, width)
        yield _result("delta", width, measure_delta(values, changed, width), MOST_DELTA)


def _result(name: str, width: int, coded: Coded, most: float) -> Result:
    times = f"written in {coded.write_s * 1e3:.0f} ms, read in {coded.read_s * 1e3:.0f} ms"
    return Result(
        name=f"set coding, {name} of {width} bits",
        value=coded.ratio,
        limit=most,
        detail=f"{coded.octets:,} B against the entropy of the set; {times}",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
