"""A proposal: a partner hands hashes of files that no list may have to the agency, for its analysts to look at.

It lists nothing, and proves nothing: a person examines the files. Each file comes with all of its hashes, at most one
of an algorithm, and files are told by their place in the message. The hashes are in the body alone, in the clear. Spec:
docs/spec/proposal.md, "Proposal".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, ClassVar, Final

from protocol.cbor_map import CborMap, items, line, number, octets
from protocol.digest import SIZES, Algorithm, Digest, degenerate
from protocol.encoding import CborValue
from protocol.errors import MalformedError
from protocol.limits import MAX_CONTACT_BYTES, MAX_PROPOSAL_BYTES, MAX_PROPOSED_FILES, MAX_REASON_BYTES
from protocol.lists.event import OTHER
from protocol.statement.report import MAX_PARTNER_BYTES
from protocol.subset.canary import is_canary
from protocol.subset.identity import SUBSET_ID_BYTES

PROPOSAL_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class ProposedFile:
    """The hashes of one file, by algorithm in the order of their numbers, at most one of each.

    Raises:
        MalformedError: none, or two of one algorithm.
    """

    digests: tuple[Digest, ...] = field(repr=False)

    def __post_init__(self) -> None:
        algorithms = [digest.algorithm for digest in self.digests]
        if not algorithms or algorithms != sorted(set(algorithms)):
            raise MalformedError("proposed file: not one or more hashes, one of each algorithm, in order")

    def to_cbor(self) -> Mapping[int, CborValue]:
        """A map from algorithm to hash."""
        return {int(digest.algorithm): digest.value for digest in self.digests}

    @classmethod
    def from_cbor(cls, value: CborValue, where: str) -> "ProposedFile":
        """Read one; raises `MalformedError`."""
        if not isinstance(value, dict):
            raise MalformedError("{where}: a file that is not a map", where)
        return cls(tuple(_digest(number, found, where) for number, found in value.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(CborMap):
    """Files that a partner proposes, with what it says of all of them.

    Raises:
        MalformedError: no files or too many, or the same file twice.
    """

    name: ClassVar[str] = "proposal"
    max_bytes: ClassVar[int] = MAX_PROPOSAL_BYTES

    partner: Annotated[str, line(1, MAX_PARTNER_BYTES)]
    subset_id: Annotated[bytes, octets(2, SUBSET_ID_BYTES)]
    proposal_id: Annotated[bytes, octets(3, PROPOSAL_ID_BYTES)]
    """16 random bytes of the partner's: the same proposal twice is one proposal."""
    claim: Annotated[int, number(4, OTHER)]
    """The collection that the partner holds the files for, 1 to 4; 0: it does not say."""
    reason: Annotated[str, line(5, MAX_REASON_BYTES)]
    contact: Annotated[str, line(6, MAX_CONTACT_BYTES, least=0)]
    """Whom the agency may ask; may be empty."""
    files: Annotated[tuple[ProposedFile, ...], items(7, ProposedFile.from_cbor, ProposedFile.to_cbor)]

    def __post_init__(self) -> None:
        if not 1 <= len(self.files) <= MAX_PROPOSED_FILES:
            raise MalformedError("proposal: not 1 to {most} files", MAX_PROPOSED_FILES)
        if len(set(self.files)) < len(self.files):
            raise MalformedError("proposal: the same file twice")

    def sha256(self) -> bytes:
        """SHA-256 of the body: what a receipt names. Whoever knows all other fields can test hashes against it."""
        return sha256(self.to_bytes()).digest()


def require_telling(files: Iterable[ProposedFile]) -> None:
    """Check that every hash says something about its file, by what is published alone.

    Apart from reading: more such hashes become known, and what was taken must still be read.

    Raises:
        MalformedError: one that many unrelated files share, or one of a published test file; it names the file's place.
    """
    for place, file in enumerate(files, 1):
        for digest in file.digests:
            reason = "the published test file" if is_canary(digest) else degenerate(digest)
            if reason:
                raise MalformedError("proposed file {place}: {reason}", place, reason)


def _digest(number: int, value: CborValue, where: str) -> Digest:
    if number not in SIZES or not isinstance(value, bytes):
        raise MalformedError("{where}: an unknown algorithm, or a hash that is not bytes", where)
    return Digest(Algorithm(number), value)
