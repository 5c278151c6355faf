"""How fast PDQ is against the reference implementation, of pixels of several sizes.

Run it as `python -m benchmarks.bench_pdq` with `tests` and the repository on the path. Values are compared, too.
Processor time, because both do nothing but compute.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from benchmarks.results import Better, Result, in_turns, report, turns_of

from node.hashing.pdq import pdq
from node.hashing.pdq_exact import Pixels
from support.pictures import natural

SIZES = ((512, 512), (640, 481), (1024, 768), (2000, 1500))
PICTURES = 40
RUNS = 3
LEAST = 3


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """The ratio for each size."""
    for width, height in SIZES:
        count = max(1, PICTURES * 512 * 512 // (width * height) // divisor)
        pictures = [natural(height, width, seed) for seed in range(count)]
        assert [pdq(one).value for one in pictures] == [reference(one) for one in pictures]
        ours, theirs = in_turns(
            turns_of(RUNS, divisor),
            lambda: timed(pdq, pictures),  # noqa: B023
            lambda: timed(reference, pictures),  # noqa: B023
        )
        ratios = [other / one for one, other in zip(ours, theirs, strict=True)]
        yield Result(
            name=f"PDQ of {width} by {height} pixels",
            value=statistics.median(ratios),
            limit=LEAST,
            better=Better.HIGHER,
            detail=f"{count / statistics.median(ours):,.0f} a second against "
            f"{count / statistics.median(theirs):,.0f} of pdqhash, processor time",
        )


def reference(pixels: Pixels) -> bytes:
    """The value of the reference, which is in the extra `peers`."""
    import pdqhash

    bits, _ = pdqhash.compute(pixels)
    return np.packbits(bits).tobytes()


def timed(work: Callable[[Pixels], object], pictures: Sequence[Pixels]) -> float:
    """Seconds of processor time."""
    started = time.process_time()
    for picture in pictures:
        work(picture)
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
