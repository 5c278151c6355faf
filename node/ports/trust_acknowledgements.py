"""Record and table of what peers said they hold of this node's trust files, and of what they were told about theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAcknowledged:
    """The newest statement of one peer about this node's trust files."""

    peer: str
    root_version: int
    serial: int
    """Of the node document it holds."""
    time_ms: int
    """As the peer dated it."""
    received_ms: int
    """By this node's clock."""
    statement: bytes = field(repr=False)
    """As it was signed."""


class TrustAcknowledgementTable(Protocol):
    """What peers acknowledged, and what was acknowledged to them."""

    def find(self, peer: str) -> TrustAcknowledged | None:
        """The newest of a peer."""
        ...

    def ls(self) -> Sequence[TrustAcknowledged]:
        """The newest of each peer, by peer."""
        ...

    def replace(self, old: TrustAcknowledged | None, new: TrustAcknowledged) -> None:
        """Put `new` in the place of `old`; raises `ConflictError` when another came in between."""
        ...

    def sent(self, peer: str) -> bytes | None:
        """What a peer was last told that is held of its trust files: the content without the time."""
        ...

    def note_sent(self, peer: str, content: bytes) -> None:
        """Remember what it was told."""
        ...

    def forget(self, peer: str) -> None:
        """Drop what a node that is no peer any more said and was told."""
        ...
