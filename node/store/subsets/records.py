"""Records of this node's subsets: what they take in, their epoch's public key, their releases.

A release is claimed together with the pending head of its log, and published together with the settled one; between
the two its record has no note, and partners do not see it.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from protocol.slices import slices
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


WideKey: TypeAlias = tuple[int, int]
"""The look-up key of a digest, and the eight bytes of its keyed hash that follow: of two digests they differ."""


class Listed(NamedTuple):
    """What a release says of one digest; integers are signed, as the database has them.

    Of one that was shredded since, only the tag is left: no algorithm, no collections, no label, and another name
    (`node.objects.listed_rows.erase`).
    """

    key: int
    rest: int
    tag: int
    """The first eight bytes of its PRF output in the release's epoch."""
    label: int
    """What tells its label from another one, sealed or not; 0 in a release without."""
    algorithm: int
    collections: bytes
    """In which it is effective, ascending, two bytes each."""

    @property
    def name(self) -> WideKey:
        """Which digest it is about."""
        return self.key, self.rest

    @property
    def is_shredded(self) -> bool:
        """Whether nobody knows which one that is any more."""
        return not self.algorithm

    @property
    def numbers(self) -> tuple[int, ...]:
        """Its collections."""
        return tuple(map(int.from_bytes, slices(self.collections, 2)))


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
