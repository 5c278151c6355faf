"""Record and table of what nodes took back: the newest revocations of each, kept whether or not it is followed."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRecord:
    """What is known of one node's revocations; version 0: nothing is held."""

    node: str
    version: int = 0
    payload: bytes = b""
    """The revocations, verified before they were stored."""
    envelope: bytes = b""
    """The signed file, as received."""
    named: bytes | None = None
    """SHA-256 of the file that the node's newest document names; None when it names none."""

    @property
    def missing(self) -> bool:
        """Whether the node's document names a file that is not held."""
        return self.named is not None and sha256(self.envelope).digest() != self.named


class RevocationTable(Protocol):
    """Revocations by node name, this node's own among them."""

    def get(self, node: str) -> RevocationRecord:
        """What is known of a node; an empty record when that is nothing."""
        ...

    def ls(self) -> Sequence[RevocationRecord]:
        """All that is known, by node name."""
        ...

    def name(self, node: str, sha256: bytes | None) -> None:
        """Remember which file a node's newest document names."""
        ...

    def put(self, node: str, *, version: int, payload: bytes, envelope: bytes) -> None:
        """Store a newer file; raises `ConflictError` unless its version is higher than the one held."""
        ...
