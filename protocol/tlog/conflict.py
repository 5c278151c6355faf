"""Two notes of one log that do not go together, as portable bytes.

Written by whoever meets the contradiction, which is `protocol.history`; judged by `protocol.evidence`.
The notes are kept byte for byte, so that their signatures can be checked by anyone later. Spec:
docs/spec/evidence.md.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from protocol.encoding import decode_cbor, encode_cbor
from protocol.errors import MalformedError
from protocol.limits import MAX_EVIDENCE_BYTES

_VERSION: Final = 1


class ConflictKind(IntEnum):
    """What the two notes are said to show."""

    FORK = 1
    ROLLBACK = 2


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
                return cls(ConflictKind(kind), held, offered)
            case _:
                raise MalformedError("not evidence of a known version and kind")
