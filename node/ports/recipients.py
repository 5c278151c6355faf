"""Records and tables of recipients: who may fetch raw digests here, which, until when, and what is laid out for them.

A key is kept as its SHA-256 alone. What a recipient is served is one sealed copy for all of them, which its grant
filters at every read.
"""

from collections.abc import Iterator, Sequence
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


class RecipientTable(Protocol):
    """The recipients of this node."""

    def add(self, recipient: RecipientRecord) -> None:
        """Add one; raises `AlreadyExistsError`."""
        ...

    def get(self, name: str) -> RecipientRecord:
        """The recipient of that name; raises `NotFoundError`."""
        ...

    def ls(self) -> Sequence[RecipientRecord]:
        """All recipients by name."""
        ...

    def set_grant(self, name: str, grant: str) -> None:
        """Replace what it may fetch; raises `NotFoundError`."""
        ...

    def set_key(self, name: str, key_sha256: bytes, *, now_ms: int, keep_until_ms: int = 0) -> None:
        """Replace its key, and keep the one before until then; raises `NotFoundError`."""
        ...

    def set_suspended(self, name: str, *, suspended: bool) -> None:
        """Refuse its key, or accept it again; raises `NotFoundError`."""
        ...

    def note_seen(self, name: str, *, now_ms: int) -> None:
        """Record the start of a download; raises `NotFoundError`."""
        ...

    def remove(self, name: str) -> None:
        """Forget it and its key; raises `NotFoundError`."""
        ...


class RecipientSnapshotTable(Protocol):
    """The one copy that is served, if there is one."""

    def get(self) -> SnapshotRecord | None:
        """The copy; None: none is laid out."""
        ...

    def put(self, snapshot: SnapshotRecord) -> None:
        """Replace it."""
        ...

    def drop(self) -> None:
        """Serve none."""
        ...


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
