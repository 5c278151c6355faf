"""Two notes of one log that do not go together, as portable bytes.

Written by whoever meets the contradiction; judged by `protocol.evidence`. The notes are kept byte for byte, so that
their signatures can be checked by anyone later. Two notes of one size are a `Conflict` by themselves; a `Divergence`
carries the proof that a larger tree does not contain a smaller one. Spec: docs/spec/evidence.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self, TypeVar

from protocol.encoding import CborValue, decode_cbor, encode_cbor
from protocol.errors import MalformedError, NotCanonicalError
from protocol.limits import MAX_EVIDENCE_BYTES, MAX_PROOF_HASHES
from protocol.tlog.hasher import HASH_BYTES

_VERSION: Final = 1

_T = TypeVar("_T", bound="Conflict | Divergence")


class ConflictKind(IntEnum):
    """What the two notes are said to show."""

    FORK = 1
    ROLLBACK = 2
    DIVERGENCE = 3


@dataclass(frozen=True, slots=True)
class Conflict:
    """The note `held` first and the note `offered` after it. A claim until `protocol.evidence` verified it."""

    kind: ConflictKind
    held: bytes
    offered: bytes

    def to_bytes(self) -> bytes:
        """Deterministic CBOR: {0: version, 1: kind, 2: held, 3: offered}."""
        return encode_cbor({0: _VERSION, 1: int(self.kind), 2: self.held, 3: self.offered})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The conflict that `to_bytes` wrote; raises `MalformedError`. The notes are not read yet."""
        match decode_cbor(data, max_bytes=MAX_EVIDENCE_BYTES):
            case {0: 1, 1: (1 | 2) as kind, 2: bytes(held), 3: bytes(offered), **rest} if not rest:
                return _canonical(cls(ConflictKind(kind), held, offered), data)
            case _:
                raise MalformedError("not evidence of a known version and kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Two notes of different sizes, and what the larger tree had at the smaller size.

    `root` (32 bytes) is said to be the root of the larger tree's first leaves, as many as the smaller note signs;
    `proof` leads from it to the root of the larger note.
    """

    smaller: bytes
    larger: bytes
    root: bytes
    proof: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Deterministic CBOR: {0: version, 1: 3, 2: smaller, 3: larger, 4: root, 5: proof}."""
        return encode_cbor(
            {
                0: _VERSION,
                1: int(ConflictKind.DIVERGENCE),
                2: self.smaller,
                3: self.larger,
                4: self.root,
                5: self.proof,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The divergence that `to_bytes` wrote; raises `MalformedError`. The notes are not read yet."""
        match decode_cbor(data, max_bytes=MAX_EVIDENCE_BYTES):
            case {0: 1, 1: 3, 2: bytes(a), 3: bytes(b), 4: bytes(root), 5: list(proof), **rest} if not rest:
                return _canonical(cls(smaller=a, larger=b, root=_hash(root), proof=_hashes(proof)), data)
            case _:
                raise MalformedError("not evidence of a known version and kind")


def read_conflict(data: bytes) -> Conflict | Divergence:
    """The contradiction of two notes in `data`, of whichever kind; raises `MalformedError`."""
    match decode_cbor(data, max_bytes=MAX_EVIDENCE_BYTES):
        case {1: int(kind)} if kind == ConflictKind.DIVERGENCE:
            return Divergence.from_bytes(data)
        case _:
            return Conflict.from_bytes(data)


def _canonical(read: _T, data: bytes) -> _T:
    """CBOR's true equals 1 to Python, not on the wire."""
    if read.to_bytes() != data:
        raise NotCanonicalError("not the one encoding of this evidence")
    return read


def _hashes(proof: Sequence[CborValue]) -> tuple[bytes, ...]:
    if len(proof) > MAX_PROOF_HASHES:
        raise MalformedError("a consistency proof that is longer than any")
    return tuple(map(_hash, proof))


def _hash(value: CborValue) -> bytes:
    if not isinstance(value, bytes) or len(value) != HASH_BYTES:
        raise MalformedError("a tree hash that is not 32 bytes")
    return value
