"""Backups of the folder of a signer process, which its node cannot read: written, tried, and made into a new folder.

State and keys go into one encrypted file, as of a home (`node.backup.archive`); files here are replaced, never
rewritten, so each is whole. State is taken before keys: what signed it is there. A folder that was made of a backup is
marked, and its trust files go on ahead of every version that may have been stamped since.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from keys.errors import SigfedError
from keys.key import PRIVATE_KEY_TYPES
from keys.keyfile import KdfProfile
from node.backup.archive import Sealing, named, writing
from node.backup.drill import Tried
from node.backup.rejoin import ROOM
from node.backup.restore import Verified, beside, unpack
from node.backup.write import Backup
from node.clock import Clock, Entropy
from node.config import load_signer
from node.errors import VerificationError
from node.files import make_private_folder
from node.names import SIGNER_CONFIG_NAME
from node.signer_host.host import open_keychain
from node.signing.keychain import derivation
from node.signing.log_signer import FolderLogSigner
from node.signing.process.restore_mark import RestoreMark
from node.signing.process.roles import SIGNED_HERE
from node.signing.process.service import KEYS, LOGS, STAMPS, WITNESS
from node.signing.process.stamps import FolderStamps
from node.signing.process.witness_state import FolderWitness

SIGNER_PARTS: Final = "signer/"
_SALT_BYTES: Final = 16
_TAKEN: Final = (SIGNER_CONFIG_NAME, f"{LOGS}/*.json", f"{WITNESS}/*.json", "*.json", f"{KEYS}/*.json")


def create_signer_backup(
    folder: Path, target: Path, *, passphrase: bytes, profile: KdfProfile, clock: Clock, entropy: Entropy
) -> Backup:
    """Write the backup of the signer in `folder` to `target`, a new file, or a folder in which it is named.

    Raises:
        NotInitialisedError: no signer lives there.
        AlreadyExistsError: the file is there; nothing is overwritten.
    """
    node, now = load_signer(folder).node, clock.now()
    target = named(target, f"signer-{node}", now)
    sealing = Sealing(passphrase=passphrase, profile=profile, salt=entropy(_SALT_BYTES))
    with derivation(), writing(target, node=node, created=now, sealing=sealing) as archive:
        for pattern in _TAKEN:
            for path in sorted(folder.glob(pattern)):
                if _is_whole(path):
                    archive.add(SIGNER_PARTS + path.relative_to(folder).as_posix(), path)
        parts = archive.parts
    return Backup(path=target, parts=tuple(parts))


def restore_signer(source: Path, passphrase: bytes, folder: Path) -> Verified:
    """Make `folder` from the backup of a signer; it signs no history before its node finished the restore.

    Raises:
        AlreadyExistsError: something is in the folder.
        VerificationError: the backup was altered or cut off, is none of a signer, or the passphrase is wrong.
    """
    with beside(folder) as made:
        found = unpack(source, passphrase, partial(_place, made))
        settings = load_signer(made)
        FolderStamps(made / STAMPS, root_sha256=bytes.fromhex(settings.root_sha256)).leave_room(ROOM)
        tokens = [path.stem.removeprefix("token-") for path in sorted((made / KEYS).glob("token-*.json"))]
        RestoreMark(made).set(token_labels=tokens, backup=found.header.created)
    return found


def drill_signer(
    source: Path, passphrase: bytes, *, scratch: Path | None, entropy: Entropy
) -> Iterator[Tried]:
    """Make a folder from the backup of a signer, open every key, read every state, and delete the folder again."""
    with TemporaryDirectory(prefix="sigfed-drill-", dir=scratch) as temporary:
        folder = Path(temporary) / "signer"
        make_private_folder(folder)
        unpack(source, passphrase, partial(_place, folder))
        yield _tried("keys", partial(_keys, folder, entropy))
        yield _tried("logs", partial(_logs, folder))
        yield _tried("witness", partial(_cosigned, folder))
        yield _tried("trust files", partial(_stamps, folder))


def _is_whole(path: Path) -> bool:
    """Whether a file is there; of a key that is destroyed meanwhile only zeros are left, and then nothing."""
    try:
        return any(path.read_bytes())
    except FileNotFoundError:
        return False


def _place(folder: Path, name: str) -> Path:
    if not name.startswith(SIGNER_PARTS):
        raise VerificationError("the backup holds something that is no part of a signer")
    return folder / name.removeprefix(SIGNER_PARTS)


def _tried(what: str, look: Callable[[], str]) -> Tried:
    try:
        return Tried(what=what, words=look())
    except SigfedError as exc:
        return Tried(what=what, words=str(exc), good=False)


def _keys(folder: Path, entropy: Entropy) -> str:
    keychain = open_keychain(folder, load_signer(folder), entropy=entropy)
    labels = [(role, label) for role in SIGNED_HERE for label in keychain.labels(role)]
    for role, label in labels:
        keychain.signer(PRIVATE_KEY_TYPES[role], label)
    if not labels:
        raise VerificationError("there is no key in it")
    return f"{len(labels)} open with the signer's passphrase"


def _logs(folder: Path) -> str:
    found = FolderLogSigner(folder / LOGS, lambda _: ()).ls()
    return f"{len(found)} end where their signed heads say"


def _cosigned(folder: Path) -> str:
    return f"what was cosigned of {len(FolderWitness(folder / WITNESS).ls())} logs can be read"


def _stamps(folder: Path) -> str:
    settings = load_signer(folder)
    held = FolderStamps(folder / STAMPS, root_sha256=bytes.fromhex(settings.root_sha256)).standing()
    return f"timestamp {held.timestamp} was the last"
