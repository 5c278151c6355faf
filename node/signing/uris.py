"""Signers by URI: a key file, a key in an ssh-agent, a key in a PKCS #11 token.

    file:/media/stick/targets-1.json
    sshagent:SHA256:…                      the fingerprint, or the public key in base64
    pkcs11:token=NAME;object=KEY?module-path=/usr/lib/softhsm/libsofthsm2.so

Decides what a URI means and that a public half from outside passes admission first. Other places of other libraries
(`securesystemslib` knows clouds' key services) are not opened: nothing here was run against them.
Spec: docs/spec/keys.md, "Signing".
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keys.errors import MalformedKeyError
from keys.key import PRIVATE_KEY_TYPES, PublicKey
from keys.keyfile import unseal
from keys.message import Message
from keys.roles import Role
from keys.signer import Signer
from node.errors import ConfigError, SignerDownError, SignerRefusedError
from node.files import read_private
from node.signing.keychain import Passphrase, derivation
from node.signing.pkcs11 import TokenKey, TokenUri
from node.signing.ssh_agent import SshAgent
from node.signing.verified_signer import VerifiedSigner

FILE: Final = "file"
SSH_AGENT: Final = "sshagent"
PKCS11: Final = "pkcs11"
MAX_URI: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What opens a key where its place wants a secret; each is asked only then."""

    passphrase: Passphrase
    """Of a key file."""
    pin: Passphrase
    """Of a token whose URI names no file with it."""


def open_signer(uri: str, role: Role, *, node: str, secrets: Secrets, public: str = "") -> Signer:
    """The key of `role` that `uri` names; what is outside is asked for its public half, and for nothing else yet.

    `public` is the text of the key that it must be, where that is known.

    Raises:
        ConfigError: a URI of another form, or a key file of another node or role.
        NotFoundError: there is no such key.
        SignerDownError: the agent or token cannot be reached.
        SignerRefusedError: it is another key than `public`.
        MalformedKeyError: its public half is not admissible.
        WrongPassphraseError: the passphrase does not open the key file.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in _OPENERS or len(uri) > MAX_URI or not uri.isprintable():
        raise ConfigError(
            "no signer's URI: {uri}", repr(uri[:32]), hint="it begins with file:, sshagent: or pkcs11:"
        )
    kind = PRIVATE_KEY_TYPES.get(role)
    if kind is None:
        raise ConfigError("a {role} key does not sign", role, hint="it lives in a key file of the node")
    signer = _OPENERS[scheme](rest, role, node, secrets)
    if public and signer.public.to_text() != public:
        raise SignerRefusedError(
            "the {role} key at {scheme}: is another one than it was",
            role,
            scheme,
            hint="find out who replaced it",
        )
    return signer


def recall_signer(uri: str, public: PublicKey, *, node: str, secrets: Secrets) -> Signer:
    """A signer that opens its key when it signs first, so that a token that is away stops nobody else."""
    opened: list[Signer] = []

    def sign(message: bytes) -> bytes:
        if not opened:
            opened.append(open_signer(uri, public.role, node=node, secrets=secrets, public=public.to_text()))
        return opened[0].sign(message)

    return VerifiedSigner(public, sign, place=uri.partition(":")[0])


def _open_file(rest: str, role: Role, node: str, secrets: Secrets) -> Signer:
    path = Path(rest)
    data = read_private(path)
    passphrase = secrets.passphrase()
    with derivation():
        opened = unseal(data, passphrase)
    if opened.role is not role or opened.node != node:
        raise ConfigError(
            "{path} holds a key of another node or role",
            path,
            hint=Message("it is a {role} key of {node}", opened.role, opened.node),
        )
    return opened.private_key()


def _open_agent(rest: str, role: Role, _node: str, _secrets: Secrets) -> Signer:
    socket = os.environ.get("SSH_AUTH_SOCK", "")
    if not socket:
        raise SignerDownError(
            "there is no ssh-agent: SSH_AUTH_SOCK is not set", hint="start one: ssh-agent; ssh-add"
        )
    agent = SshAgent(Path(socket))
    key = agent.get(rest)
    return VerifiedSigner(
        _admitted(role, key.raw), lambda message: agent.sign(key, message), place="the ssh-agent"
    )


def _open_token(rest: str, role: Role, _node: str, secrets: Secrets) -> Signer:
    key = TokenKey(TokenUri.parse(f"{PKCS11}:{rest}"), secrets.pin)
    return VerifiedSigner(_admitted(role, key.raw_public()), key.sign, place="the token")


def _admitted(role: Role, raw: bytes) -> PublicKey:
    try:
        return PRIVATE_KEY_TYPES[role].public_type.from_bytes(raw)
    except MalformedKeyError:
        # Under such a key one signature can fit every message, whoever made it.
        raise MalformedKeyError("the key found there is not admissible as a {role} key", role) from None


_OPENERS: Final[Mapping[str, Callable[[str, Role, str, Secrets], Signer]]] = {
    FILE: _open_file,
    SSH_AGENT: _open_agent,
    PKCS11: _open_token,
}
