"""What evaluation with proof takes on this machine without a node around it: the baseline of the API.

`bench_evaluation_node` takes it in turns with its own runs: only what is compared with this baseline, taken on the same
machine at the same time, says something about a node.
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
    """The answers, in order, and what they took together of those that evaluated."""

    answers: list[Evaluation]
    elements: int
    seconds: float
    """Of processor time."""

    @property
    def each(self) -> float:
        """Nanoseconds of processor time an element."""
        return self.seconds / self.elements * 1e9


def make_batches(group: Group, *, batches: int, size: int) -> list[bytes]:
    """Blinded batches as partners send them: `size` elements of 32 bytes each."""
    inputs = [number.to_bytes(8, "big") for number in range(size)]
    return [blind(group, inputs, entropy=os.urandom).elements for _ in range(batches)]


def direct_two_threads(group: Group, key: KeyPair, batches: Sequence[bytes]) -> Run:
    """Evaluate and prove whole batches in two threads, as fast as the library goes."""
    with ThreadPoolExecutor(THREADS) as threads:
        started = time.process_time()
        answers = list(threads.map(lambda batch: evaluate(group, key, batch, entropy=os.urandom), batches))
        seconds = time.process_time() - started
    return Run(answers, sum(len(batch) for batch in batches) // ELEMENT_BYTES, seconds)
