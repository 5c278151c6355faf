"""Records of contradictions that were kept, of heads that others told us, and of blocks that people released.

What is kept is in the object store, byte for byte; a record says what it is about and whether somebody has looked. What
counts as evidence is `node.evidence.keep`'s.
"""

from dataclasses import dataclass
from enum import StrEnum


class EvidenceKind(StrEnum):
    """What is kept. The first three convict offline; the others are what we or a peer say, with the notes."""

    FORK = "fork"
    DIVERGENCE = "divergence"
    TRUST = "trust"
    ROLLBACK = "rollback"
    FREEZE = "freeze"
    UNPROVEN = "unproven"

    @property
    def convicts(self) -> bool:
        """Whether anybody can verify it from the pinned root, so that it is told on."""
        return self in {EvidenceKind.FORK, EvidenceKind.DIVERGENCE, EvidenceKind.TRUST}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """One contradiction."""

    sha256: str
    """Name of its object and its name among nodes, hexadecimal."""
    kind: EvidenceKind
    subject: str
    """Origin of the log, or name of the node that signed two trust files."""
    pair: str
    """The two things that contradict each other, whatever else the notes hold: dressed up again it is not new."""
    source: str
    """The peer that told it; empty when this node found it."""
    created_ms: int
    released_ms: int | None = None
    """When people had looked at it and released what it had stopped."""

    @property
    def object(self) -> str:
        """Name in the object store."""
        return f"evidence/{self.sha256}.cbor"

    @property
    def standing(self) -> str:
        """`proof`, which convicts, `claim`, which does not, or `released`."""
        if self.released_ms is not None:
            return "released"
        return "proof" if self.kind.convicts else "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardHead:
    """The last head of a log that the peer `source` told us; its signature was verified, its history is not held."""

    origin: str
    source: str
    size: int
    root: bytes
    note: bytes
    heard_ms: int
    """When a head of this size or larger was first heard from it."""
