"""Records of the logs this node writes or follows: their heads, published and pending.

A head moves only by compare-and-swap: `ConflictError` tells the loser. A pending head is never replaced: it is
finished, or it stands.
"""

from dataclasses import dataclass
from enum import StrEnum


class LogKind(StrEnum):
    """Whose log it is, and what it holds."""

    OWN_LIST = "own_list"
    PEER_LIST = "peer_list"
    OWN_RELEASES = "own_releases"
    OWN_AUDIT = "own_audit"
    PEER_RELEASES = "peer_releases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A state of a log: what its checkpoint says, and what is needed to go on from it."""

    size: int
    root: bytes
    frontier: bytes
    """`CompactRange.to_bytes()` at `size`."""
    time_ms: int
    """Time of the newest event; 0 for an empty log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One log as the catalogue knows it."""

    id: int
    origin: str
    kind: LogKind
    node: str
    """Name of the node that writes it."""
    name: str
    """Last part of the origin."""
    head: Head
    note: bytes | None
    """Signed note of `head`; None before the first publication or pull."""
    pending: Head | None
    """Committed and not yet signed or not yet stored whole; never replaced."""
    pending_note: bytes | None
    """The note of `pending`, where it came signed (a peer's log)."""
    tail: int
    """Events including those still waiting to be published: the position the next one gets."""
    checked_ms: int
    """When a peer's head was last seen to be the newest (or was published, for an own log)."""
    reopened: int
    """How often older events were opened: what the list says can change while its head stands."""
