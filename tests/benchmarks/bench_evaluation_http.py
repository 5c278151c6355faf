"""Evaluation with proof through the HTTP API, against the same work called directly: what the wire costs.

Run it as `python -m benchmarks.bench_evaluation_http` with `tests` and the repository on the path. Client, server and
the two evaluating threads share one process and its machine, so the real share of the API is smaller than shown.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.bench_evaluation_direct import THREADS, Run, direct_two_threads, make_batches
from typing_extensions import override

from protocol.messages import EvaluationReply, EvaluationRequest
from protocol.oprf.group import ELEMENT_BYTES, Group
from protocol.oprf.server import Evaluation, evaluate
from protocol.oprf.suite import KeyPair, epoch_key
from support.fakes_api import Loopback, MemoryNode, MemorySubset, node_on_loopback

ROUNDS = 5


class RealEvaluator(MemorySubset):
    """Evaluates in two threads, as a node does."""

    def __init__(self, group: Group, key: KeyPair, threads: ThreadPoolExecutor) -> None:
        super().__init__()
        self._work = group, key, threads

    @override
    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        group, key, threads = self._work
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(
            threads, lambda: evaluate(group, key, request.elements, entropy=os.urandom)
        )
        return EvaluationReply(
            epoch=request.epoch, request_id=request.request_id, elements=answer.elements, proof=answer.proof
        )


async def through_http(node: Loopback, batches: Sequence[bytes], *, subset_id: bytes = bytes(16)) -> Run:
    """All batches over one partner's connections, four at a time."""
    async with node.as_partner() as partner:
        # connection and token are not what is measured
        await partner.evaluate("baseline", _request(batches[0], subset_id))
        gate = asyncio.Semaphore(2 * THREADS)

        async def one(batch: bytes) -> Evaluation:
            async with gate:
                reply = await partner.evaluate("baseline", _request(batch, subset_id))
                return Evaluation(reply.elements, reply.proof)

        started = time.perf_counter()
        answers = await asyncio.gather(*map(one, batches))
        seconds = time.perf_counter() - started
    return Run(answers, sum(map(len, batches)) // ELEMENT_BYTES, seconds)


def _request(elements: bytes, subset_id: bytes) -> EvaluationRequest:
    return EvaluationRequest(subset_id=subset_id, epoch=1, request_id=os.urandom(16), elements=elements)


async def measure(group: Group, *, batches: int, size: int, rounds: int) -> tuple[float, float]:
    """Median evaluations a second, direct and through HTTP, of interleaved runs."""
    key, work = epoch_key(group, os.urandom(32)), make_batches(group, batches=batches, size=size)
    direct, wire = [], []
    with ThreadPoolExecutor(THREADS) as threads:
        memory = MemoryNode()
        memory.subset = RealEvaluator(group, key, threads)
        async with node_on_loopback(memory) as node:
            for _ in range(rounds):
                direct.append((await asyncio.to_thread(direct_two_threads, group, key, work)).per_second)
                wire.append((await through_http(node, work)).per_second)
    return statistics.median(direct), statistics.median(wire)


def main() -> None:
    """Print both and their ratio for batches of 1 024."""
    from node.sodium import load_group

    direct, wire = asyncio.run(measure(load_group(), batches=16, size=1024, rounds=ROUNDS))
    sys.stdout.write(f"direct {direct:,.0f}/s, through HTTP {wire:,.0f}/s: {wire / direct:.1%}\n")


if __name__ == "__main__":
    main()
