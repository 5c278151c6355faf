"""Moving the keys of a signer process back into the node: both stopped, as before a restore, or to give the split up.

The state goes with the keys, as on the way there: first everything is written here, then the keys there are deleted,
and with them the signer. Safe to run again after it was cut off.
"""

from dataclasses import dataclass
from pathlib import Path

from node.config import load_signer
from node.errors import UsageError
from node.files import read_private, replace_private
from node.identity.audit import tell
from node.identity.identity import Identity
from node.identity.lock import running
from node.names import SIGNER_CONFIG_NAME
from node.signer_host.host import alone, open_keychain
from node.signing.keychain import Keychain
from node.signing.process.roles import SIGNED_HERE
from node.signing.process.service import LOGS, WITNESS
from node.signing.process.witness_state import FolderWitness
from node.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """How many keys came from the signer in which folder."""

    folder: Path
    keys: int


def join(identity: Identity, store: Store, folder: Path) -> Joined:
    """Move the keys, and the state of what they signed, out of the folder of a signer.

    Raises:
        UsageError: it is another node's, or the configuration still names it.
        StoreLockedError: the node or the signer runs.
    """
    keychain, settings = identity.keychain, load_signer(folder)
    if settings.node != identity.settings.node:
        raise UsageError("{folder} is the signer of {node}", folder, settings.node)
    if not isinstance(keychain, Keychain):
        raise UsageError("the node still signs through that process", hint="take [signer] out of sigfed.toml")
    with running(identity.home), alone(folder):
        there = open_keychain(folder, settings, entropy=identity.entropy)
        moved = [(role, label) for role in SIGNED_HERE for label in there.labels(role)]
        for role, label in moved:
            there.copy(role, label, keychain)
        for path in (folder / LOGS).glob("*.json"):
            replace_private(identity.home.signer / path.name, read_private(path))
        _remember_cosigned(store, FolderWitness(folder / WITNESS))
        for role, label in moved:
            there.destroy(role, label)
        (folder / SIGNER_CONFIG_NAME).unlink()
    tell(identity, store, "signer.join", folder.name)
    return Joined(folder=folder, keys=len(moved))


def _remember_cosigned(store: Store, witness: FolderWitness) -> None:
    """Of two memories of one log the later one counts: a smaller head must never be cosigned again."""
    with store.write() as unit:
        for record in witness.ls():
            held = unit.witnessed.find(record.origin)
            if held is None or (held.head.size, held.head.time_s) < (record.head.size, record.head.time_s):
                unit.witnessed.replace(held, record)
