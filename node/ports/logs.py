"""Records and table of the logs this node writes or follows: their heads, published and pending.

A head moves only by compare-and-swap: `ConflictError` tells the loser. A pending head is never replaced: it is
finished, or it stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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


class LogTable(Protocol):
    """The catalogue of logs."""

    def create(self, *, origin: str, kind: LogKind, node: str, name: str) -> LogRecord:
        """Add a log of size 0; raises `AlreadyExistsError`."""
        ...

    def get(self, origin: str) -> LogRecord:
        """The log of `origin`; raises `NotFoundError`."""
        ...

    def ls(self, *kinds: LogKind) -> Sequence[LogRecord]:
        """All logs of these kinds, by origin."""
        ...

    def reserve(self, log: LogRecord, count: int) -> None:
        """Take `count` positions from `log.tail` on; raises `ConflictError` when others took some meanwhile."""
        ...

    def claim(self, log: LogRecord, head: Head, *, note: bytes | None) -> None:
        """Set the pending head; raises `ConflictError` unless the log stands where `log` says, with none pending."""
        ...

    def settle(self, log: LogRecord, *, note: bytes, checked_ms: int) -> None:
        """Make the pending head the head; raises `ConflictError` unless it is still that of `log`."""
        ...

    def cosign(self, log: LogRecord, note: bytes) -> None:
        """Replace the note by one of the same head with other cosignatures.

        Raises `ConflictError` unless head and note are still those of `log`.
        """
        ...

    def abandon(self, log: LogRecord) -> None:
        """Forget the pending head of a peer's log, whose bundles can be fetched again; never of an own one."""
        ...

    def supersede(self, log: LogRecord) -> None:
        """Forget the pending head of an own log: others hold a longer one that this node signed, with all of it."""
        ...

    def confirm(self, log: LogRecord, *, checked_ms: int) -> None:
        """Note that `log.head` is still the newest."""
        ...

    def note_reopened(self, log: LogRecord) -> None:
        """Note that older events of it were opened."""
        ...
