"""Evaluation with proof by a running node, against the same work called directly in two threads.

The node is `sigfed run`, a process of its own with its evaluation process, made by the commands that a user types. The
client is an enrolled partner over HTTPS, with its token and a quota in the store; its elements are blinded beforehand,
and what it gets back is checked once, afterwards. Seconds are the processor time of all processes of the node. Other
programs only ever add to it, so of each side the least counts. Then the same node computes with libsodium.

Run it as `python -m benchmarks.bench_evaluation_node` with `tests` and the repository on the path.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.bench_evaluation_direct import THREADS, Run, direct_two_threads, make_batches
from benchmarks.results import Better, Result, report

from keys.roles import Role
from node.clock import SystemClock, system_entropy
from node.group.load import load_group
from node.home import Home
from node.hoster.client import enrol
from node.hoster.connection import reach_node_of
from node.hoster.folder import PartnerFolder
from node.identity.identity import open_identity
from node.remote.limits import RemoteLimits
from node.remote.node import RemoteNode
from node.signing.epochs import oprf_label
from protocol.messages import EvaluationRequest
from protocol.oprf.group import ELEMENT_BYTES
from protocol.oprf.proof import Statement, verify
from protocol.oprf.server import Evaluation
from protocol.oprf.suite import KeyPair, epoch_key
from protocol.subset.identity import subset_id
from support.agencies import found_agency
from support.processes import Cli, Running

BATCHES = 4
SIZE = 1024
ROUNDS = 80
AT_ONCE = 2 * THREADS
MOST_NANOSECONDS = 1500
LEAST_TIMES = 5
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


def processes_of(process: int) -> list[int]:
    """A process and all that it started, by their ids."""
    found = [process]
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            found += processes_of(int(child))
    return found


def processor_seconds(processes: Sequence[int]) -> float:
    """What processes have taken until now; /proc/PID/stat counts in hundredths of a second."""
    clocks = [~process << 3 | 2 for process in processes]  # as clock_getcpuclockid(3) makes them
    return sum(map(time.clock_gettime, clocks))


async def through_node(remote: RemoteNode, requests: Sequence[EvaluationRequest], node: Sequence[int]) -> Run:
    """Have all batches evaluated, a few at a time, by the processes of a node."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(request: EvaluationRequest) -> Evaluation:
        async with gate:
            reply = await remote.evaluate(SUBSET, request)
            return Evaluation(reply.elements, reply.proof)

    started = processor_seconds(node)
    answers = await asyncio.gather(*map(one, requests))
    seconds = processor_seconds(node) - started
    return Run(answers, sum(len(request.elements) for request in requests) // ELEMENT_BYTES, seconds)


async def in_rounds(
    home: Home, key: KeyPair, batches: Sequence[bytes], rounds: int, node: int
) -> list[tuple[Run, Run]]:
    """Direct and through the process `node`, in turns, over connections that are open and a token that is there."""
    group, runs = load_group(), []
    async with reach(home) as remote:
        requests = [_request(batch) for batch in batches]
        processes = processes_of(node)
        await through_node(remote, requests[:AT_ONCE], processes)
        for _ in range(rounds):
            direct = await asyncio.to_thread(direct_two_threads, group, key, batches)
            runs.append((direct, await through_node(remote, requests, processes)))
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
            statement = Statement(key.public, batch, answer.elements)
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
        with Running(node, quiet=True) as running:
            asyncio.run(enrol(home, text))
            runs = asyncio.run(in_rounds(home, key, batches, rounds, running.process.pid))
        check(key, batches, runs)
        node.edit("sigfed.toml", 'group = "fastest"', 'group = "libsodium"')
        with Running(node, quiet=True) as running:
            slow = asyncio.run(in_rounds(home, key, batches, 2, running.process.pid))
        check(key, batches, slow)
    direct, served = (min(run.each for run in side) for side in zip(*runs, strict=True))
    sodium = min(run.each for _, run in slow)
    yield Result(
        name="evaluating with proof through the API, beyond calling it",
        value=served - direct,
        limit=MOST_NANOSECONDS,
        unit="ns an element",
        detail=f"{served:,.0f} ns of processor time of the node's processes against {direct:,.0f} called directly in"
        f" {THREADS} threads, by {load_group().name}; batches of {SIZE:,}",
    )
    yield Result(
        name="evaluating with proof through the API, against libsodium's",
        value=sodium / served,
        limit=LEAST_TIMES,
        better=Better.HIGHER,
        detail=f"{served:,.0f} ns of processor time an element by {load_group().name} against {sodium:,.0f}",
    )


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
