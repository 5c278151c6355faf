"""Token buckets in memory: how many requests a client or an address may make in a short time.

Each worker counts for itself. The number of buckets is bounded: when there are too many, the one used longest
ago is forgotten, which only ever gives somebody a full bucket.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from node.clock import Clock
from node.errors import RateLimitedError

MAX_BUCKETS: Final = 16_384


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: datetime


class TokenBuckets:
    """A bucket of `burst` requests per key, refilled at `per_minute`."""

    def __init__(self, *, per_minute: int, burst: int, clock: Clock) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def spend(self, key: str) -> None:
        """Take one request from the bucket of `key`; raises `RateLimitedError` when it is empty."""
        now = self._clock.now()
        bucket = self._refilled(key, now)
        if bucket.tokens < 1:
            wait = math.ceil((1 - bucket.tokens) / self._per_second)
            raise RateLimitedError("too many requests in a short time", retry_after_seconds=max(1, wait))
        bucket.tokens -= 1

    def _refilled(self, key: str, now: datetime) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        passed = max(0.0, (now - bucket.filled).total_seconds())  # a clock set back must not empty buckets
        bucket.tokens = min(self._burst, bucket.tokens + passed * self._per_second)
        bucket.filled = now
        return bucket
