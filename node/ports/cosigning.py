"""Records and tables of cosigning: who cosigned which own log, and what is held beyond a peer's cosigned head."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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


class CosignerTable(Protocol):
    """One record for each log and witness."""

    def find(self, origin: str, witness: str) -> CosignerRecord | None:
        """What is known of this witness of this log."""
        ...

    def ls(self) -> Sequence[CosignerRecord]:
        """All records, by origin and witness."""
        ...

    def put(self, record: CosignerRecord) -> None:
        """Store the record in the place of an older one."""
        ...


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


class OverlayTable(Protocol):
    """At most one record for each log."""

    def find(self, log_id: int) -> OverlayRecord | None:
        """The overlay of a log."""
        ...

    def ls(self) -> Sequence[OverlayRecord]:
        """All overlays, by log."""
        ...

    def put(self, record: OverlayRecord) -> None:
        """Store the record in the place of an older one."""
        ...

    def drop(self, log_id: int) -> None:
        """Forget the overlay of a log, if there is one."""
        ...
