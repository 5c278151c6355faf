"""Verifiers of persons' passphrases: Argon2id (RFC 9106) with the costs of an online key file, in the PHC text form."""

from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys.keyfile import ONLINE, KdfProfile
from node.clock import Entropy
from node.errors import StoreError, UnauthenticatedError
from node.signing.keychain import derivation

_SALT_BYTES: Final = 16
_LENGTH: Final = 32


class Argon2Hasher:
    """`node.ports.persons.PassphraseHasher` with this profile's costs."""

    def __init__(self, entropy: Entropy, *, profile: KdfProfile = ONLINE) -> None:
        self._entropy = entropy
        self._profile = profile

    def verifier(self, passphrase: bytes) -> bytes:
        """A fresh salt and the costs, with what they make of the passphrase."""
        kdf = Argon2id(
            salt=self._entropy(_SALT_BYTES),
            length=_LENGTH,
            iterations=self._profile.time_cost,
            lanes=self._profile.lanes,
            memory_cost=self._profile.memory_kib,
        )
        with derivation():
            return kdf.derive_phc_encoded(passphrase).encode()

    def check(self, passphrase: bytes, verifier: bytes) -> None:
        """Raise `UnauthenticatedError` unless `verifier` was made of this passphrase."""
        try:
            with derivation():
                Argon2id.verify_phc_encoded(passphrase, verifier.decode())
        except InvalidKey:
            raise UnauthenticatedError("this is another passphrase") from None
        except ValueError:
            raise StoreError("a person's stored verifier is damaged") from None
