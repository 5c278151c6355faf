"""Moving the keys that sign from a node to a signer process: once, while the node is stopped.

Everything is written in the signer's folder before anything is deleted here, and the state of what was signed goes with
the keys: a signer that had the keys and not the state could be made to sign a second history. Safe to run again after
it was cut off.
"""

from dataclasses import dataclass
from pathlib import Path

from keys.message import Message
from keys.trust.tuf.repository import TIMESTAMP_FILE
from node.config import SignerFile, render
from node.errors import ConfigError, UsageError
from node.files import make_private_folder, read_private, replace_private
from node.identity import passphrases
from node.identity.audit import begin
from node.identity.identity import Identity
from node.identity.lock import running
from node.names import SIGNER_CONFIG_NAME
from node.signer_host.host import SOCKET, alone
from node.signing.keychain import Keychain
from node.signing.process.roles import SIGNED_HERE
from node.signing.process.service import KEYS, LOGS, STAMPS, WITNESS
from node.signing.process.stamps import FolderStamps
from node.signing.process.witness_state import FolderWitness
from node.store.store import Store
from node.trust.tuf.repository import root_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What was moved."""

    folder: Path
    socket: Path
    keys: int


def split(
    identity: Identity,
    store: Store,
    folder: Path,
    *,
    passphrase_file: Path | None,
    socket: Path | None = None,
    user: str = "",
) -> Split:
    """Move the keys that sign, and the state of what they signed, into the folder of a signer.

    It will listen at `socket`, in its folder by default, and serve `user` besides the one that it runs as.

    Raises:
        UsageError: the node has a signer already.
        StoreLockedError: the node runs, or a signer in that folder.
    """
    keychain = identity.keychain
    if not isinstance(keychain, Keychain):
        raise UsageError("this node's keys are with a signer process already")
    moved = [(role, label) for role in SIGNED_HERE for label in keychain.labels(role)]
    if not moved:
        # What the signer signed since would be forgotten: it could then be made to sign a second history.
        raise UsageError(
            "the keys that sign were moved before",
            hint=Message("add [signer] to {config} again", identity.home.config),
        )
    file = None if passphrase_file is None else passphrase_file.absolute()
    ask = passphrases.new_passphrase(what="passphrase of the signer", file=file)
    ask()
    make_private_folder(folder)
    with running(identity.home), alone(folder):
        there = Keychain(folder / KEYS, node=identity.settings.node, passphrase=ask, entropy=identity.entropy)
        if any(label not in there.labels(role) for role, label in moved):
            # Else it was recorded, and cut off while keys were deleted: none may be left to record it with.
            begin(identity, store, "signer.split", folder.name)
        for role, label in moved:
            keychain.copy(role, label, there)
        _copy_state(identity, store, folder)
        _write_settings(identity, folder, passphrase_file=file, socket=socket, user=user)
        for role, label in moved:
            keychain.destroy(role, label)
        for path in identity.home.signer.glob("*.json"):
            path.unlink()
    return Split(folder=folder, socket=socket or folder / SOCKET, keys=len(moved))


def _copy_state(identity: Identity, store: Store, folder: Path) -> None:
    """What was signed last, of every log, of other nodes' logs, and of the trust files."""
    for path in identity.home.signer.glob("*.json"):
        replace_private(folder / LOGS / path.name, read_private(path))
    witness = FolderWitness(folder / WITNESS)
    with store.read() as unit:
        for record in unit.witnessed.ls():
            witness.adopt(record)
    files = identity.trust_files
    stamps = FolderStamps(folder / STAMPS, root_sha256=root_of(identity))
    if files.exists(TIMESTAMP_FILE):
        stamps.begin(root_files(files), read=files.get)
    else:
        stamps.begin_nowhere()


def root_of(identity: Identity) -> bytes:
    """Fingerprint of the root that the node was founded with."""
    if not identity.settings.root_sha256:
        raise ConfigError("sigfed.toml does not name the root", hint="see what to add with: sigfed doctor")
    return bytes.fromhex(identity.settings.root_sha256)


def _write_settings(
    identity: Identity, folder: Path, *, passphrase_file: Path | None, socket: Path | None, user: str
) -> None:
    settings = SignerFile(
        node=identity.settings.node,
        root_sha256=root_of(identity).hex(),
        socket=socket,
        user=user,
        passphrase_file=passphrase_file,
    )
    replace_private(folder / SIGNER_CONFIG_NAME, render(settings).encode())
