"""What the rest of the code needs of a private key, wherever it is kept.

A `PrivateKey` is one; an encrypted file, an agent or a hardware token behind it are others, and they do I/O, so they
live in `node.signing`. Spec: docs/spec/keys.md, "Signing".
"""

from typing import Protocol

from keys.key import PublicKey


class Signer(Protocol):
    """Signs with one key of one role, which the type of `public` names."""

    @property
    def public(self) -> PublicKey:
        """The public half of the key that signs."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `message`."""
        ...
