"""Evaluation with proof by a running node, against the same work called directly in two threads.

The node is `sigfed run`, a process of its own with its evaluation process, made by the commands that a user types. The
client is an enrolled partner over HTTPS, with its token and a quota in the store; its elements are blinded beforehand,
and what it gets back is checked once, afterwards. Run it as `python -m benchmarks.bench_evaluation_node` with `tests`
and the repository on the path.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.bench_evaluation_direct import THREADS, Run, direct_two_threads, make_batches
from benchmarks.results import Result, report

from keys.roles import Role
from node.clock import SystemClock, system_entropy
from node.group.load import load_group
from node.partner.state import PartnerFolder
from node.remote.limits import RemoteLimits
from node.remote.node import RemoteNode
from node.runtime.home import Home
from node.runtime.opening import open_identity
from node.runtime.partner import enrol
from node.runtime.reaching import reach_node_of
from node.signing.epochs import oprf_label
from protocol.messages import EvaluationRequest
from protocol.oprf.group import ELEMENT_BYTES
from protocol.oprf.proof import Statement, verify
from protocol.oprf.server import Evaluation
from protocol.oprf.suite import KeyPair, epoch_key
from protocol.subset.identity import subset_id
from support.agencies import found_agency
from support.processes import Cli, Running

BATCHES = 16
SIZE = 1024
ROUNDS = 11
AT_ONCE = 2 * THREADS
MOST_NANOSECONDS = 1500
SUBSET = "baseline"
_FILES_PER_DAY = 1_000_000


def made_node(folder: Path) -> Cli:
    """A node with a released subset; the release lists nothing but the test file."""
    node = found_agency(folder, name="bench", country="FR")
    node.done("subset", "create", SUBSET, "--screen-bits", "0")
    node.done("subset", "release", SUBSET)
    return node


def invitation(node: Cli) -> str:
    """An invitation whose quota is never used up: without a screen every file is asked for."""
    arguments = ["partner", "invite", "bench-partner", "--subset", SUBSET]
    text: str = node.done(*arguments, "--files-per-day", str(_FILES_PER_DAY))["invitation"]
    return text


def epoch_key_of(node: Cli) -> KeyPair:
    """The key that the node evaluates with."""
    keychain = open_identity(Home(node.home)).keychain
    return epoch_key(load_group(), keychain.secret(Role.OPRF, oprf_label(SUBSET, 1)))


def reach(home: Home, *, limits: RemoteLimits = RemoteLimits()) -> RemoteNode:  # noqa: B008 - frozen
    """The partner's connection."""
    folder = PartnerFolder(home.partner)
    enrolment, _ = folder.load()
    return reach_node_of(
        enrolment, folder.key(), clock=SystemClock(), entropy=system_entropy, proxy=None, limits=limits
    )


async def through_node(remote: RemoteNode, requests: Sequence[EvaluationRequest]) -> Run:
    """Have all batches evaluated, a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(request: EvaluationRequest) -> Evaluation:
        async with gate:
            reply = await remote.evaluate(SUBSET, request)
            return Evaluation(reply.elements, reply.proof)

    started = time.perf_counter()
    answers = await asyncio.gather(*map(one, requests))
    seconds = time.perf_counter() - started
    return Run(answers, sum(len(request.elements) for request in requests) // ELEMENT_BYTES, seconds)


async def in_rounds(home: Home, key: KeyPair, batches: Sequence[bytes], rounds: int) -> list[tuple[Run, Run]]:
    """Direct and through the node, in turns, over connections that are open and a token that is there."""
    group, runs = load_group(), []
    async with reach(home) as remote:
        requests = [_request(batch) for batch in batches]
        await through_node(remote, requests[:AT_ONCE])
        for _ in range(rounds):
            direct = await asyncio.to_thread(direct_two_threads, group, key, batches)
            runs.append((direct, await through_node(remote, requests)))
    return runs


def _request(elements: bytes) -> EvaluationRequest:
    return EvaluationRequest(
        subset_id=subset_id(f"bench.example/subsets/{SUBSET}"),
        epoch=1,
        request_id=system_entropy(16),
        elements=elements,
    )


def check(key: KeyPair, batches: Sequence[bytes], runs: Sequence[tuple[Run, Run]]) -> None:
    """Both ways gave the same elements, each with a proof that holds."""
    for run in runs[-1]:
        for batch, answer in zip(batches, run.answers, strict=True):
            statement = Statement(key.mode, key.public, batch, answer.elements)
            verify(load_group(), statement, answer.proof)
    direct, node = runs[-1]
    assert [one.elements for one in direct.answers] == [one.elements for one in node.answers]


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """What a node takes for an element beside what the group does."""
    batches = make_batches(load_group(), batches=max(BATCHES // divisor, THREADS), size=SIZE)
    rounds = ROUNDS if divisor == 1 else 2
    with tempfile.TemporaryDirectory() as name:
        node, home = made_node(Path(name)), Home(Path(name, "partner"))
        key, text = epoch_key_of(node), invitation(node)
        with Running(node):
            asyncio.run(enrol(home, text))
            runs = asyncio.run(in_rounds(home, key, batches, rounds))
    check(key, batches, runs)
    direct, served = (median(run.per_second for run in side) for side in zip(*runs, strict=True))
    yield Result(
        name="evaluating with proof through the API, beyond calling it",
        value=median((1 / two.per_second - 1 / one.per_second) * 1e9 for one, two in runs),
        limit=MOST_NANOSECONDS,
        unit="ns an element",
        detail=f"{served:,.0f} evaluations a second against {direct:,.0f} called directly in {THREADS} threads;"
        f" batches of {SIZE:,}",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
