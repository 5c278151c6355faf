"""Record of what peers said they hold of this node's trust files, and of what they were told about theirs."""

from dataclasses import dataclass, field


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
