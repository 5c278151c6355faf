"""A signer process for a node that was just founded, and everything that the node's own process has of it."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from keys.key import AuthPublicKey, LogPrivateKey, TargetsPrivateKey
from keys.keyfile import KdfProfile
from keys.roles import Role
from keys.trust.fingerprint import fingerprint
from keys.trust.lifecycle import Lineage
from keys.trust.tuf.root import TrustedRoot, open_roots
from keys.trust.tuf.target_files import NODE_FILE
from keys.trust.window import Window
from node.clock import SystemClock, system_entropy
from node.signing.keychain import Keychain
from node.signing.process.link import SignerLink
from node.signing.process.remote import RemoteKeys, RemoteLogSigner
from node.signing.process.roles import SIGNED_HERE
from node.signing.process.service import KEYS, STAMPS
from node.signing.process.stamps import FolderStamps
from node.trust.foundation import FIRST, found
from node.trust.own import OwnTrust
from node.trust.successors import with_key
from node.trust.tuf.repository import Freshness, TufRepository, root_files
from support.founding import MemoryKeys, founding_of
from support.new_stores import MemoryObjects
from support.processes import Cli, Daemon

NODE = "fr.example"
LIST = f"{NODE}/lists/main"
CHEAP = KdfProfile(1, 64, 1)
PASSPHRASE = b"correct horse"


@dataclass(slots=True)
class SignedNode:
    """A founded node whose online keys lie in the folder of a signer, and that process while it runs."""

    folder: Path
    files: MemoryObjects = field(default_factory=MemoryObjects)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    root_keys: MemoryKeys = field(default_factory=MemoryKeys)
    signer: "SignerProcess" = field(init=False)

    def __post_init__(self) -> None:
        self.signer = SignerProcess(self.folder)
        founding = founding_of(NODE)
        founded = found(
            founding, keychain=self.keys, root_keychain=self.root_keys, files=self.files, clock=SystemClock()
        )
        self.keys.create(LogPrivateKey, "lists-main-1")
        self.folder.mkdir(mode=0o700)
        self._move_keys()
        stamps = FolderStamps(self.folder / STAMPS, root_sha256=founded.root_sha256)
        stamps.begin(self.roots, read=self.files.get)
        passphrase = self.folder / "passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_bytes(PASSPHRASE)
        (self.folder / "signer.toml").write_text(
            f'node = "{NODE}"\nroot_sha256 = "{founded.root_sha256.hex()}"\npassphrase_file = "{passphrase}"\n'
        )

    def _move_keys(self) -> None:
        keychain = Keychain(
            self.folder / KEYS,
            node=NODE,
            passphrase=lambda: PASSPHRASE,
            entropy=system_entropy,
            profile=CHEAP,
        )
        for (role, label), secret in self.keys.secrets.items():
            if role in SIGNED_HERE:
                keychain.create_secret(role, label, secret=secret, public=self.public(role, label))

    def public(self, role: Role, label: str) -> str:
        from keys.key import PRIVATE_KEY_TYPES

        return self.keys.key(PRIVATE_KEY_TYPES[role], label).public.to_text()

    @property
    def roots(self) -> Sequence[bytes]:
        return root_files(self.files)

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    @property
    def link(self) -> SignerLink:
        return SignerLink(self.socket)

    @property
    def remote(self) -> RemoteKeys:
        return RemoteKeys(self.link, vouching=self.vouching)

    @property
    def log(self) -> RemoteLogSigner:
        return RemoteLogSigner(self.link, lambda _: ["lists-main-1"])

    def vouching(self, name: str) -> Sequence[bytes]:
        if name != NODE_FILE:
            return [*self.roots, self.files.get(name)]
        repository = TufRepository(self.files, SystemClock())
        return [*self.roots, repository.listing(), repository.listed(self.root, name)]

    @property
    def root(self) -> TrustedRoot:
        return open_roots(self.roots, fingerprint(self.roots[0]))[-1]

    def list_auth_key(self, key: AuthPublicKey) -> None:
        """Put in force a node document that lists one more auth key."""
        trust = OwnTrust(
            self.files,
            SystemClock(),
            root_sha256=fingerprint(self.roots[0]),
            freshness=lambda root: Freshness(
                self.remote.signer_of(root.snapshot_keys[0], FIRST),
                self.remote.signer_of(root.timestamp_keys[0], FIRST),
            ),
        )
        now = SystemClock().now()
        valid = Window(now.replace(microsecond=0), (now + timedelta(days=9)).replace(microsecond=0))
        trust.revise_document(
            lambda old: with_key(old, Lineage(Role.AUTH), key, valid),
            signers=[self.root_keys.key(TargetsPrivateKey, FIRST)],
        )


class SignerProcess:
    """`sigfed signer run` for one folder, as often as it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: Daemon | None = None

    def start(self) -> None:
        self.running = Daemon(Cli(self.folder), "signer", "run", options=())

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.running is not None:
            self.running.stop(number)
            self.running = None


@contextmanager
def running_signer(folder: Path) -> Iterator[SignedNode]:
    """A signer that runs."""
    node = SignedNode(folder / "s")
    try:
        node.signer.start()
        yield node
    finally:
        node.signer.stop()
