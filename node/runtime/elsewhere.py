"""Keys of this node, or of a holder, that lie elsewhere: opened when they sign first, with a secret asked then."""

from typing import Final

from node.runtime import passphrases
from node.signing.keychain import Passphrase, Recall
from node.signing.uris import Secrets, recall_signer

PIN_CREDENTIAL: Final = "sigfed-pin"
"""The system credential that holds the PIN of a token whose URI names no file with it."""


def recalling(node: str, passphrase: Passphrase) -> Recall:
    """Opens what a reference in a folder of key files names; `passphrase` is that of a key file it may name."""
    secrets = Secrets(passphrase=passphrase, pin=token_pin())
    return lambda uri, public: recall_signer(uri, public, node=node, secrets=secrets)


def token_pin() -> Passphrase:
    """Asks for a token's PIN when it is first needed: a system credential, else a prompt."""
    return passphrases.from_sources(what="PIN of the token", file=None, credential=PIN_CREDENTIAL, least=1)
