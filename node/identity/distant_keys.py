"""Keys of this node, or of a holder, that lie elsewhere: opened when they sign first, with a secret asked then."""

from collections.abc import Iterable
from typing import Final

from keys.key import PublicKey
from keys.roles import Role
from keys.signer import Signer
from node.errors import ConflictError
from node.identity import passphrases
from node.signing.keychain import Keychain, Passphrase, Recall
from node.signing.reference import Reference
from node.signing.uris import Secrets, open_signer, recall_signer

PIN_CREDENTIAL: Final = "sigfed-pin"
"""The system credential that holds the PIN of a token whose URI names no file with it."""
_TRIAL: Final = b"sigfed: this key signs\n"
"""No checkpoint, statement, token or metadata."""


def recalling(node: str, passphrase: Passphrase) -> Recall:
    """Opens what a reference in a folder of key files names; `passphrase` is that of a key file it may name."""
    secrets = Secrets(passphrase=passphrase, pin=token_pin())
    return lambda uri, public: recall_signer(uri, public, node=node, secrets=secrets)


def token_pin() -> Passphrase:
    """Asks for a token's PIN when it is first needed: a system credential, else a prompt."""
    return passphrases.from_sources(what="PIN of the token", file=None, credential=PIN_CREDENTIAL, least=1)


def refer(
    keychain: Keychain, role: Role, label: str, uri: str, *, node: str, others: Iterable[PublicKey]
) -> Signer:
    """Write into a folder of key files where a key lies, once it has signed something; `others` are the node's keys.

    Raises:
        ConflictError: it is a key of the node already, for this purpose or another.
        SignerDownError, SignerRefusedError, NotFoundError, ConfigError: as `node.signing.uris.open_signer` does.
    """
    secrets = Secrets(passphrase=keychain.passphrase, pin=token_pin())
    signer = open_signer(uri, role, node=node, secrets=secrets)
    require_unused(signer.public, others)
    signer.public.verify(_TRIAL, signer.sign(_TRIAL))
    keychain.refer(role, label, Reference(uri, signer.public.to_text()))
    return signer


def require_unused(key: PublicKey, others: Iterable[PublicKey]) -> None:
    """Raise `ConflictError` for a key that the node has already, for this purpose or another."""
    if any(other.raw == key.raw for other in others):
        raise ConflictError(
            "this key has a purpose at this node already", hint="each purpose has its own key"
        )
