"""Records of recipients: who may fetch raw digests here, which, until when, and what is laid out for them.

A key is kept as its SHA-256 alone. What a recipient is served is one sealed copy for all of them, which its grant
filters at every read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRecord:
    """One accredited holder of raw digests."""

    name: str
    purpose: str
    """What it does with them, for people."""
    grant: str
    """What it may fetch, as JSON with an end; a text that cannot be read grants nothing."""
    added_ms: int
    key_sha256: bytes = field(default=b"", repr=False)
    """Empty: it has no key yet."""
    keyed_ms: int = 0
    """When it got its key."""
    old_key_sha256: bytes = field(default=b"", repr=False)
    """The key before it, while the recipient changes over; empty: it counts no more."""
    old_until_ms: int = 0
    """Until when that counts."""
    suspended: bool = False
    seen_ms: int = 0
    """Start of its last download."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRecord:
    """The copy that is served: where it lies and what it was made of."""

    token: str
    """Names the folder of its objects."""
    tag: str
    """Random, another one whenever the content is: what recipients compare instead of the content."""
    parts: int
    digests: int
    """Lines in it when it was made; one that was shredded since is in it no more."""
    basis: bytes
    """A hash of what it was made of: while that is the same, so is what the lists say."""
    made_ms: int


class RecipientDownload(Protocol):
    """What one recipient may fetch now."""

    @property
    def name(self) -> str:
        """The recipient."""
        ...

    @property
    def tag(self) -> str:
        """Changes with the copy and with the grant; says nothing of what is in it."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """The lines, in parts; start and end are in the audit log.

        Raises:
            UnauthenticatedError: it may fetch nothing any more, or something else.
            MissingObjectError: another copy took the place of this one.
            NodeError: the start cannot be recorded.
        """
        ...


class RecipientDesk(Protocol):
    """Where recipients are served."""

    def open(self, key: str) -> RecipientDownload:
        """The download of whoever shows this key.

        Raises:
            NotFoundError: this node has no recipients.
            UnauthenticatedError: unknown, suspended or ended, all alike.
            ListTooOldError: no copy is laid out that is known to be what the lists say.
        """
        ...
