"""A node in a folder as commands open it, with key files whose opening costs nothing and a clock that a test moves."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from keys.keyfile import KdfProfile
from keys.roles import Role
from keys.trust.held_trust import HeldTrust
from node.clock import system_entropy
from node.config import Listen, Settings
from node.home import Home
from node.identity.distant_keys import recalling
from node.identity.identity import Identity, open_freshness
from node.identity.keyring import with_keys
from node.identity.lock import revising
from node.objects.folder import FolderObjects
from node.signing.keychain import Keychain
from node.signing.ring_file import FolderKeyRing
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.tls import certificate_name, create_identity
from node.trust.foundation import FIRST, found
from node.trust.own import OwnTrust
from support.founding import founding_of
from support.new_stores import new_store
from support.times import SettableClock

CHEAP = KdfProfile(1, 64, 1)
NODE = "fr.example"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass(slots=True)
class CheapNode:
    """A founded node, whose root passphrase a test can mistype."""

    folder: Path
    passphrase: bytes = b"root passphrase"
    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW))
    root_sha256: bytes = b""

    @classmethod
    def founded(cls, folder: Path) -> "CheapNode":
        """A new one in `folder`."""
        made = cls(folder)
        identity = made.identity()
        tls = create_identity(NODE, now=NOW)
        founding = founding_of(NODE, pin=tls.spki_sha256)
        keychain = identity.keychain
        assert isinstance(keychain, Keychain)
        made.root_sha256 = found(
            founding,
            keychain=keychain,
            root_keychain=identity.root_keychain,
            files=identity.trust_files,
            clock=made.clock,
        ).root_sha256
        identity.trust_files.put(certificate_name(FIRST), tls.certificate)
        identity.keychain.create_secret(Role.TLS, FIRST, secret=tls.key)
        return made

    def copied(self, to: Path) -> "CheapNode":
        """The same node in another folder, by a clock of its own: to move that of a shared one moves it for others."""
        shutil.copytree(self.folder, to)
        return replace(self, folder=to, clock=SettableClock(self.clock.moment))

    def identity(self) -> Identity:
        """The node as a new process opens it."""
        home = Home(self.folder)
        files = FolderObjects(home.trust)
        online = self._keychain(home.keys, lambda: b"node passphrase")
        ring = FolderKeyRing(home.ring)
        return Identity(
            home=home,
            settings=Settings(node=NODE, country="FR", listen=Listen(url="https://fr.example/")),
            clock=self.clock,
            entropy=system_entropy,
            keychain=online,
            root_keychain=self._keychain(home.offline_keys, lambda: self.passphrase),
            trust_files=files,
            introductions=FolderObjects(home.introductions),
            trust=OwnTrust(
                files,
                self.clock,
                root_sha256=self.root_sha256,
                freshness=lambda root: open_freshness(online, root),
                alone=lambda: revising(home),
                succeed=lambda document, root: with_keys(document, root, online, ring, files),
            ),
            ring=ring,
        )

    def _keychain(self, folder: Path, ask: Callable[[], bytes]) -> Keychain:
        return Keychain(
            folder,
            node=NODE,
            passphrase=ask,
            entropy=system_entropy,
            profile=CHEAP,
            recall=recalling(NODE, ask),
        )


@contextmanager
def empty_store(folder: Path) -> Iterator[Store]:
    """An empty store and objects in `folder`."""
    objects = FolderObjects(folder / "objects")
    store = new_store(f"sqlite:///{folder / 'sigfed.db'}", storage_key=bytes(32), objects=objects)
    try:
        yield store
    finally:
        store.dispose()


def follow(store: Store, name: str, *, grant: str = "{}", added_ms: int = 0) -> None:
    """Somebody follows the node, and has not said what he holds of it."""
    with store.write() as unit:
        unit.peers.add(
            PeerRecord(
                name=name,
                url=f"https://{name}/",
                trust=HeldTrust(roots=(b"",)),
                serial=0,
                grant=grant,
                added_ms=added_ms,
                confirmed_ms=added_ms,
            )
        )
