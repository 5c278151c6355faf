"""The signer process: its folder, and serving until it is told to stop.

The folder is its own: configuration, keys, and the state of what it signed. The node has the socket, and nothing else
of it. Moving keys there is `node.signer_host.split`'s matter.
"""

import os
import pwd
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from keys.key import PRIVATE_KEY_TYPES, PublicKey
from keys.roles import Role
from node.clock import Clock, Entropy
from node.config import SignerFile, load_signer
from node.errors import ConfigError, StoreLockedError, UsageError
from node.files import try_locked
from node.identity import passphrases
from node.identity.distant_keys import recalling, refer
from node.journal import Journal
from node.signing.keychain import Keychain
from node.signing.process.link import SignerLink
from node.signing.process.listener import Listener
from node.signing.process.remote import RemoteKeys
from node.signing.process.roles import SIGNED_HERE
from node.signing.process.service import KEYS, SignerService, is_label
from node.trust.successors import SUCCEEDED

CREDENTIAL: Final = "sigfed-signer-passphrase"
SOCKET: Final = "socket"
_LOCK: Final = "signer.lock"
_journal = Journal("signer")


def socket_of(folder: Path, settings: SignerFile) -> Path:
    """Where the signer in `folder` listens."""
    return settings.socket or folder / SOCKET


def serve_signer(
    folder: Path, *, clock: Clock, entropy: Entropy, listening: Callable[[Path, int], None]
) -> None:
    """Serve until SIGTERM or SIGINT; `listening` is told where, and with how many keys.

    Raises:
        NotInitialisedError: no signer lives there.
        StoreLockedError: another process runs it.
        WrongPassphraseError: the passphrase does not open its keys.
    """
    settings = load_signer(folder)
    with alone(folder):
        service = SignerService(
            folder,
            open_keychain(folder, settings, entropy=entropy),
            clock,
            node=settings.node,
            root_sha256=bytes.fromhex(settings.root_sha256),
        )
        count = service.open_all()
        path = socket_of(folder, settings)
        listener = Listener(path, service.serve, admitted=_admitted(settings))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: listener.stop())
        listener.run(lambda: listening(path, count))
        _journal.info("stopped")


def open_keychain(folder: Path, settings: SignerFile, *, entropy: Entropy) -> Keychain:
    """The keys of the signer in `folder`, which its own passphrase opens."""
    passphrase = passphrases.from_sources(
        what="passphrase of the signer", file=settings.passphrase_file, credential=CREDENTIAL
    )
    return Keychain(
        folder / KEYS,
        node=settings.node,
        passphrase=passphrase,
        entropy=entropy,
        recall=recalling(settings.node, passphrase),
    )


def refer_key(folder: Path, name: str, uri: str, *, entropy: Entropy) -> PublicKey:
    """Write into the signer's folder where the key `name` (`ROLE-LABEL`) lies, once it has signed; its public half.

    Whoever has the socket cannot do this: a URI names a library, and the signer would load it.

    Raises:
        UsageError: no name of a key that has a successor in a node document.
        AlreadyExistsError: it has a key of this name.
        ConflictError: it has this key, under whatever name.
    """
    settings = load_signer(folder)
    keychain = open_keychain(folder, settings, entropy=entropy)
    role, _, label = name.partition("-")
    if role not in SUCCEEDED or not is_label(label):
        raise UsageError(
            "no name of such a key: {name}",
            repr(name[:64]),
            hint="it is the one that sigfed key rotate ROLE --key URI names on the node",
        )
    held = [
        PRIVATE_KEY_TYPES[each].public_type.from_text(keychain.public(each, one))
        for each in SIGNED_HERE
        for one in keychain.labels(each)
    ]
    return refer(keychain, Role(role), label, uri, node=settings.node, others=held).public


def keys_of(link: SignerLink) -> list[tuple[str, str, str]]:
    """Role, label and public text of every key that the signer process has; raises `SignerDownError`."""
    keys = RemoteKeys(link, vouching=lambda _: ())
    return [(role, label, keys.public(role, label)) for role in SIGNED_HERE for label in keys.labels(role)]


def _admitted(settings: SignerFile) -> frozenset[int]:
    if not settings.user:
        return frozenset({os.geteuid()})
    try:
        return frozenset({os.geteuid(), pwd.getpwnam(settings.user).pw_uid})
    except KeyError:
        raise ConfigError(
            "there is no user {user}", settings.user, hint="correct user in signer.toml"
        ) from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One signer a folder: two would each remember what they signed themselves."""
    with try_locked(folder / _LOCK) as held:
        if not held:
            raise StoreLockedError("another process signs in {folder}", folder, hint="stop it first")
        yield
