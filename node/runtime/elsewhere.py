"""Keys of this node, or of a holder, that lie elsewhere: opened when they sign first, with a secret asked then."""

from collections.abc import Iterable
from typing import Final

from keys.key import PublicKey
from keys.roles import Role
from keys.signer import Signer
from node.errors import ConflictError, UsageError
from node.runtime import passphrases
from node.signing.keychain import Keychain, Passphrase, Recall
from node.signing.online import OnlineKeychain
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
    keychain: OnlineKeychain, role: Role, label: str, uri: str, *, node: str, others: Iterable[PublicKey]
) -> Signer:
    """Write into a folder of key files where a key lies, once it has signed something; `others` are the node's keys.

    Raises:
        UsageError: the keys that sign are with a signer process, whose folder this one cannot write.
        ConflictError: it is a key of the node already, for this purpose or another.
        SignerDownError, SignerRefusedError, NotFoundError, ConfigError: as `node.signing.uris.open_signer` does.
    """
    if not isinstance(keychain, Keychain):
        raise UsageError(
            "this node's keys are with a signer process, which makes its own",
            hint="write the reference into the signer's folder keys/: see docs/spec/keys.md",
        )
    secrets = Secrets(passphrase=keychain.passphrase, pin=token_pin())
    signer = open_signer(uri, role, node=node, secrets=secrets)
    if any(key.raw == signer.public.raw for key in others):
        raise ConflictError(
            "this key has a purpose at this node already", hint="each purpose has its own key"
        )
    signer.public.verify(_TRIAL, signer.sign(_TRIAL))
    keychain.refer(role, label, Reference(uri, signer.public.to_text()))
    return signer
