"""More is asked of a running node than it can do: it says so at once, and works for nobody who has left."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from benchmarks.bench_evaluation_direct import make_batches
from benchmarks.bench_evaluation_node import SUBSET, invitation, made_node, reach

from node.clock import system_entropy
from node.errors import RateLimitedError
from node.home import Home
from node.hoster.client import enrol
from node.remote.limits import RemoteLimits
from node.remote.node import RemoteNode
from protocol.limits import MAX_EVALUATION_BATCH
from protocol.messages import EvaluationRequest
from protocol.subset.identity import subset_id
from support.processes import Running
from support.sodium import loaded_group

ASKING = 200
CONNECTIONS = 8
"""Of one client."""
GIVEN_UP_SECONDS = RemoteLimits().reply_seconds
"""Without a bound most of those who ask wait until then."""
LATE_SECONDS = 45.0
"""Ten times what a machine takes that is busy with other things."""


@dataclass(frozen=True, slots=True)
class Told:
    seconds: float
    retry_after: int
    """0: it was answered."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("overload")
    node = made_node(folder)
    # The kernel answers all who ask in time.
    node.edit("sigfed.toml", 'group = "fastest"', 'group = "libsodium"')
    text = invitation(node)
    with Running(node):
        asyncio.run(enrol(Home(folder / "partner"), text))
        yield Home(folder / "partner")


@asynccontextmanager
async def clients(home: Home, count: int) -> AsyncIterator[list[RemoteNode]]:
    """Connections enough that so many ask at once, each with its token; they try nothing twice."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(reach(home, limits=RemoteLimits(attempts=1)))
            for _ in range(-(-count // CONNECTIONS))
        ]
        yield [made[number // CONNECTIONS] for number in range(count)]


def asked(elements: bytes) -> EvaluationRequest:
    return EvaluationRequest(
        subset_id=subset_id(f"bench.example/subsets/{SUBSET}"),
        epoch=1,
        request_id=system_entropy(16),
        elements=elements,
    )


async def told(remote: RemoteNode, elements: bytes) -> Told:
    began, retry_after = time.monotonic(), 0
    try:
        reply = await remote.evaluate(SUBSET, asked(elements))
        assert len(reply.elements) == len(elements)
    except RateLimitedError as exc:
        retry_after = exc.retry_after_seconds
    return Told(time.monotonic() - began, retry_after)


@pytest.fixture(scope="module")
def batches() -> tuple[bytes, bytes]:
    """As many elements as a request may have, and few."""
    (large,) = make_batches(loaded_group(), batches=1, size=MAX_EVALUATION_BATCH)
    return large, large[: 64 * 32]


@pytest.mark.threat("overload")
async def test_who_would_be_late_is_told_at_once_and_the_others_are_answered(
    home: Home, batches: tuple[bytes, bytes]
) -> None:
    async with clients(home, ASKING) as remotes:
        await asyncio.gather(*[told(remote, batches[1]) for remote in remotes[::CONNECTIONS]])  # tokens
        all_ = await asyncio.gather(*[told(remote, batches[0]) for remote in remotes])
        answered = [one.seconds for one in all_ if not one.retry_after]
        refused = [one for one in all_ if one.retry_after]
        assert answered
        assert max(answered) < GIVEN_UP_SECONDS
        assert len(refused) > ASKING // 4
        assert max(one.seconds for one in refused) < LATE_SECONDS
        assert {one.retry_after for one in refused} <= set(range(1, 61))
        assert (await told(remotes[0], batches[1])).seconds < LATE_SECONDS


@pytest.mark.threat("overload")
async def test_nothing_is_evaluated_for_those_who_left(home: Home, batches: tuple[bytes, bytes]) -> None:
    async with clients(home, ASKING) as remotes:
        left = [asyncio.create_task(told(remote, batches[0])) for remote in remotes]
        await asyncio.sleep(1)
        for task in left:
            task.cancel()
        for task in left:
            with suppress(asyncio.CancelledError):
                await task
    async with clients(home, 1) as remotes:
        one = await told(remotes[0], batches[0])
    assert one.retry_after == 0
    assert one.seconds < LATE_SECONDS
