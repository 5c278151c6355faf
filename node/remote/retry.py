"""Trying again: which failures pass, how long to wait, when to give up.

The pause is drawn evenly between zero and a bound that doubles (full jitter): a thousand partners that lost a node
at the same moment do not come back at the same moment.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from node.clock import Entropy
from node.errors import NodeError, PeerUnreachableError, RateLimitedError
from node.remote.limits import RemoteLimits

Result = TypeVar("Result")


def passes(error: NodeError, limits: RemoteLimits) -> bool:
    """Whether the same request may succeed in a moment."""
    if isinstance(error, RateLimitedError):
        return error.retry_after_seconds <= limits.max_pause_seconds
    return isinstance(error, PeerUnreachableError)


async def pause(failures: int, error: NodeError, *, limits: RemoteLimits, entropy: Entropy) -> None:
    """Wait before attempt `failures + 1`."""
    share = int.from_bytes(entropy(4), "big") / 2**32
    asked = error.retry_after_seconds if isinstance(error, RateLimitedError) else 0
    await asyncio.sleep(asked + _bound(failures, limits) * share)


def _bound(failures: int, limits: RemoteLimits) -> float:
    return min(limits.max_pause_seconds, limits.backoff_seconds * 2.0 ** (failures - 1))


async def retried(
    attempt: Callable[[], Awaitable[Result]],
    *,
    limits: RemoteLimits,
    entropy: Entropy,
    passing: Callable[[NodeError, RemoteLimits], bool] = passes,
) -> Result:
    """The result of `attempt`, tried `limits.attempts` times at most, while its failures are `passing` ones."""
    failures = 0
    while True:
        try:
            return await attempt()
        except NodeError as exc:
            failures += 1
            if failures >= limits.attempts or not passing(exc, limits):
                raise
            await pause(failures, exc, limits=limits, entropy=entropy)
