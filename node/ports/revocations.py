"""Record of what nodes took back: the newest revocations of each, kept whether or not it is followed."""

from dataclasses import dataclass
from hashlib import sha256


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
