"""Records of cosigning: who cosigned which own log, and what is held beyond a peer's cosigned head."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignerRecord:
    """One member as a witness of one of this node's logs."""

    origin: str
    witness: str
    """Name of the member's node."""
    size: int = 0
    """Of the head it cosigned last, or said to have cosigned; 0 for none."""
    since_ms: int = 0
    """When its first cosignature came; 0 for none yet."""
    cosigned_s: int = 0
    """Time of its last cosignature, POSIX seconds."""
    asked_ms: int
    outcome: str
    """How it answered last, in words."""
    alarm: bool = False
    """Whether a person has to look: it claims another history of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayRecord:
    """The withdrawals and disputes of a peer's head that its log signed and too few witnesses cosigned."""

    log_id: int
    base_size: int
    base_root: bytes
    """The trusted head that it lies upon; upon any other it counts for nothing."""
    size: int
    root: bytes
    note: bytes
    sealed: bytes
    """Its events and openings."""
