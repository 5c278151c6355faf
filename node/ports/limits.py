"""Rate limits: the port of whatever counts requests in a short time.

Quotas in evaluations are another thing (they are sold, and live in the store); this one only keeps a single
client or address from occupying the node.
"""

from typing import Protocol


class RateLimiter(Protocol):
    """Something that counts requests by key (a client's name, an address)."""

    def spend(self, key: str) -> None:
        """Count one request; raises `RateLimitedError` when `key` has none left."""
        ...
