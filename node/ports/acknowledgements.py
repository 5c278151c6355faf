"""Records of what peers said they hold of the own lists, and of how long withdrawals took to reach them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The newest statement of one peer about one own list."""

    log_id: int
    peer: str
    held_size: int
    released_size: int | None
    """Up to which size its releases follow the list; None: it releases nothing."""
    time_ms: int
    """As the peer dated it."""
    received_ms: int
    """By this node's clock, which latencies are measured by."""
    statement: bytes = field(repr=False)
    """As it was signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Neighbouring withdraw events of an own list: mostly those of one file."""

    log_id: int
    first: int
    last: int
    published_ms: int | None = None
    """None while it waits for publication."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """When a peer's statement first covered a withdrawal."""

    log_id: int
    first: int
    """Of the withdrawal."""
    peer: str
    held_ms: int | None
    released_ms: int | None
    """The time of `held_ms`, when the peer releases nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How fast peers applied the withdrawals that were published on one day."""

    day: int
    """Since 1970, in UTC."""
    count: int
    """Pairs of a withdrawal and a peer that applied it: both holds it and releases nothing that it ended."""
    total_ms: int
    """From publication, summed over them."""
    slowest_ms: int
