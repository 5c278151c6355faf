"""Evaluation with proof by a whole node, against the same work called directly in two threads.

HTTPS, tokens, the quota in the store, and the evaluation process are all real; the client's elements are blinded
beforehand. Client and web server share one process. Run it as `python -m benchmarks.bench_evaluation_node` with `tests`
and the repository on the path.
"""

import asyncio
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.bench_evaluation_direct import direct_two_threads, make_batches
from benchmarks.bench_evaluation_http import ROUNDS, through_http
from typing_extensions import override

from node.evaluator.process import EvaluatorProcess
from node.ports.callers import Caller
from node.ports.evaluator import EpochSecret
from node.ports.partners import PartnerRecord
from node.ports.serving import WebServices
from node.services.evaluating import Evaluating
from node.services.quotas import Quotas
from node.services.serving_subsets import ServedSubsets
from node.services.trusting import ServedTrust
from protocol.api import SubsetApi
from protocol.oprf.group import Group
from protocol.oprf.suite import epoch_key
from protocol.subset.identity import subset_id
from support.fakes_api import PARTNER, MemoryNode, node_on_loopback
from support.releases import SEED, SUBSET, ReleasingAgency
from support.shelves import close, make_shelf, sqlite_dsn

BATCHES = 16
SIZE = 1024
LEAST = 0.85


class WholeNode(MemoryNode):
    """A loopback node whose partners reach the real services."""

    def __init__(self, agency: ReleasingAgency, evaluator: EvaluatorProcess) -> None:
        super().__init__()
        self._agency = agency
        storage = agency.shelf.storage
        evaluating = Evaluating(storage, Quotas(storage), evaluator, self.clock)
        self._served = ServedSubsets(agency.shelf, ServedTrust(agency.files), evaluating)

    @override
    def services(self) -> WebServices:
        return replace(super().services(), partner=self._real_partner)

    def _real_partner(self, caller: Caller) -> SubsetApi:
        return self._served.for_partner(caller.client, caller.subsets)


async def measure(group: Group, folder: Path, *, rounds: int) -> tuple[float, float]:
    """Median evaluations a second, direct and through the node, of interleaved runs."""
    key, work = epoch_key(group, SEED), make_batches(group, batches=BATCHES, size=SIZE)
    direct, whole = [], []
    shelf = make_shelf(sqlite_dsn(folder), folder)
    agency = ReleasingAgency(shelf, folder)
    _admit(agency)
    with EvaluatorProcess(lambda: [EpochSecret(subset=SUBSET, epoch=1, seed=SEED)]) as evaluator:
        async with node_on_loopback(WholeNode(agency, evaluator)) as node:
            for _ in range(rounds):
                direct.append((await asyncio.to_thread(direct_two_threads, group, key, work)).per_second)
                run = await through_http(node, work, subset_id=subset_id(agency.subset.origin))
                whole.append(run.per_second)
    agency.evaluator.close()
    close(shelf)
    return statistics.median(direct), statistics.median(whole)


def _admit(agency: ReleasingAgency) -> None:
    partner = PartnerRecord(
        name=PARTNER, subset=SUBSET, auth_key=bytes(32), evaluations_per_day=10**9, added_ms=0
    )
    with agency.shelf.storage.write() as unit:
        unit.partners.add(partner)


def main() -> None:
    """Print both and their ratio; exit 1 when the node is below its target."""
    from node.sodium import load_group

    with tempfile.TemporaryDirectory() as folder:
        direct, whole = asyncio.run(measure(load_group(), Path(folder), rounds=ROUNDS))
    sys.stdout.write(f"direct {direct:,.0f}/s, through the node {whole:,.0f}/s: {whole / direct:.1%}\n")
    sys.exit(whole < LEAST * direct)


if __name__ == "__main__":
    main()
