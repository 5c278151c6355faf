"""Records and tables of this node's subsets: what they take in, their epoch's public key, their releases.

A release is claimed together with the pending head of its log, and published together with the settled one; between
the two its record has no note, and partners do not see it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from protocol.subset.filter import SubsetFilter
from protocol.subset.manifest import ReleaseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetRecord:
    """One subset."""

    name: str
    origin: str
    """Of its release log."""
    filter: SubsetFilter
    epoch: int
    """The epoch that releases are made in."""
    pk: bytes
    """OPRF public key of that epoch, 32 bytes."""
    created_ms: int
    sealed_salt: bytes
    """The salt of the commitment to exclusions, sealed with the storage key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """One release; `version` is its leaf index in the release log plus one."""

    subset: str
    version: int
    epoch: int
    kind: ReleaseKind
    manifest_sha256: bytes
    answers: int
    """Answers, that of the test file included."""
    added: int
    """Digests that the release before did not have; the test file is not counted."""
    removed: int
    created_ms: int
    not_after_ms: int
    note: bytes | None = None
    """The checkpoint it was published under; None while it is not."""


class SubsetTable(Protocol):
    """Subsets, and the source numbers of their epochs."""

    def create(self, subset: SubsetRecord) -> None:
        """Add a subset; raises `AlreadyExistsError`."""
        ...

    def get(self, name: str) -> SubsetRecord:
        """The subset of that name; raises `NotFoundError`."""
        ...

    def ls(self) -> Sequence[SubsetRecord]:
        """All subsets by name."""
        ...

    def set_filter(self, name: str, subset_filter: SubsetFilter) -> None:
        """What the subset takes in from now on."""
        ...

    def enter(self, name: str, epoch: int, pk: bytes) -> None:
        """Releases are made in this epoch, whose public key has 32 bytes, from now on."""
        ...

    def source_numbers(self, name: str, epoch: int) -> Mapping[str, int]:
        """Numbers given to logs in an epoch, by origin."""
        ...

    def add_sources(self, name: str, epoch: int, numbers: Mapping[str, int]) -> None:
        """Give numbers to more logs; a number that was given is never given again."""
        ...


class ReleaseTable(Protocol):
    """Releases of all subsets."""

    def add(self, release: ReleaseRecord) -> None:
        """Record a release whose leaf is in the pending head; raises `ConflictError` when the version is taken."""
        ...

    def publish(self, subset: str, version: int, note: bytes) -> None:
        """Note under which checkpoint a release was published."""
        ...

    def get(self, subset: str, version: int) -> ReleaseRecord:
        """A release, published or not; raises `NotFoundError`."""
        ...

    def latest(self, subset: str, *, limit: int) -> Sequence[ReleaseRecord]:
        """The last published releases, newest first."""
        ...

    def newest(self, subset: str) -> ReleaseRecord | None:
        """The newest published release."""
        ...

    def ls(self, subset: str) -> Sequence[ReleaseRecord]:
        """The published releases, oldest first."""
        ...
