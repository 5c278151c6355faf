"""What evaluation with proof can do on this machine without a node around it: the baseline of the API's throughput.

`bench_evaluation_node` takes it in turns with its own runs: only ratios to this baseline, taken on the same machine at
the same time, say something about a node.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from protocol.oprf.client import blind
from protocol.oprf.group import ELEMENT_BYTES, Group
from protocol.oprf.server import Evaluation, evaluate
from protocol.oprf.suite import KeyPair

THREADS = 2


@dataclass(frozen=True, slots=True)
class Run:
    """The answers, in order, and how long they took together."""

    answers: list[Evaluation]
    elements: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Proven evaluations a second."""
        return self.elements / self.seconds


def make_batches(group: Group, *, batches: int, size: int) -> list[bytes]:
    """Blinded batches as partners send them: `size` elements of 32 bytes each."""
    inputs = [number.to_bytes(8, "big") for number in range(size)]
    return [blind(group, inputs, entropy=os.urandom).elements for _ in range(batches)]


def direct_two_threads(group: Group, key: KeyPair, batches: Sequence[bytes]) -> Run:
    """Evaluate and prove whole batches in two threads, as fast as the library goes."""
    with ThreadPoolExecutor(THREADS) as threads:
        started = time.perf_counter()
        answers = list(threads.map(lambda batch: evaluate(group, key, batch, entropy=os.urandom), batches))
        seconds = time.perf_counter() - started
    return Run(answers, sum(len(batch) for batch in batches) // ELEMENT_BYTES, seconds)
