"""A map that a node signs with its statement key. Spec: docs/spec/statement.md."""

from collections.abc import Sequence
from typing import ClassVar, Self

from keys.key import StatementPublicKey
from keys.signer import Signer
from keys.trust.statement import open_statement, seal_statement
from protocol.cbor_map import CborMap


class Statement(CborMap):
    """Base of what a node says, signed."""

    __slots__ = ()

    kind: ClassVar[str]
    """Is signed with what it says: none passes for one of another kind."""

    def signed(self, signer: Signer) -> bytes:
        """As it is sent and kept."""
        return seal_statement(self.kind, self.to_bytes(), signer)

    @classmethod
    def opened(cls, data: bytes, keys: Sequence[StatementPublicKey]) -> Self:
        """What one of these keys signed.

        Raises:
            MalformedTrustError, BadSignatureError: no statement of this kind, or none of these keys signed it.
            MalformedError: it does not read as one.
        """
        return cls.from_bytes(open_statement(data, cls.kind, keys))
