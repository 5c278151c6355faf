"""Opening a node on another machine than its own, for a process that only serves.

Its folder holds a configuration and some sealed key files, nothing else: trust files and key ring are read from the
copy in the database, and written by nobody here. What proves that it is the same node is the root that its
configuration names, a storage key that opens the data keys, and the owner of the bucket. See docs/adr/0031.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

from keys.roles import Role
from keys.trust.lifecycle import Stage
from node import config
from node.clock import SystemClock, system_entropy
from node.config import Settings
from node.errors import ConfigError, MissingKeyError, NotInitialisedError, StoreDownError, VerificationError
from node.home import Home
from node.identity.home_copy import HomeCopy
from node.identity.identity import Identity, elsewhere, make_keychains
from node.identity.lease import place_of
from node.objects.stores import open_objects
from node.ports.keyring import RingKey
from node.signing.keychain import Keychain
from node.signing.online import OnlineKeychain
from node.store.driver import on_server
from node.store.lease import shared_claim
from node.store.store import Store
from node.trust.own import OwnTrust

_NEEDED: Final = (Role.TLS, Role.TOKEN, Role.STORAGE)
_OF_THE_RING: Final = frozenset({*_NEEDED, Role.STATEMENT})
_ALLOWED: Final = _OF_THE_RING | {Role.OPRF}
"""Evaluation keys are compared with what the node document says of their epochs, which the ring learns later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebNode:
    """A node as a process that only serves has it."""

    identity: Identity
    store: Store
    copy: HomeCopy

    @property
    def place(self) -> str:
        """Says to people where this process is."""
        return place_of(self.identity.home)

    def require_few(self) -> None:
        """Check that no key is here that must not be; raises `ConfigError`."""
        _require_few(self.identity.home, self.identity.keychain)

    def follow(self) -> None:
        """Read what is new in the copy, and delete the files of keys that the node has destroyed.

        Raises:
            StoreError, KeysError: as `HomeCopy.follow`; what was read before goes on counting.
            OSError: a file cannot be deleted; its key counts nowhere all the same.
        """
        self.copy.follow(self.store)
        held = {(role, label) for role in _ALLOWED for label in self.identity.keychain.labels(role)}
        for key in self.copy.read():
            if key.stage is Stage.DESTROYED and (key.role, key.label) in held:
                self.identity.keychain.destroy(key.role, key.label)


@contextmanager
def open_web(home: Home) -> Iterator[WebNode]:
    """The node whose configuration is in `home`, closed when the block ends.

    Raises:
        ConfigError: the configuration names nothing that is shared, or a key is here that must not be.
        NotInitialisedError: the node itself has not run on this database yet.
        StoreError: the database cannot be used, or is of another version of this program.
        StoreLockedError: the bucket belongs to another node, or another home.
        VerificationError: it is another node than the configuration says.
    """
    settings = config.load(home.folder)
    _require_shared(home, settings)
    keychain, offline = make_keychains(home, settings, entropy=system_entropy)
    _require_few(home, keychain)
    claim = shared_claim(settings.store.dsn)
    store = Store.open(
        settings.store.dsn,
        objects=open_objects(home, settings, claim),
        storage_keys=lambda label: _storage_key(keychain, label),
        entropy=system_entropy,
        claim=claim,
    )
    try:
        store.objects.prepare()
        store.vault.unlock()
        copy = HomeCopy(bytes.fromhex(settings.root_sha256))
        if not copy.follow(store):
            raise NotInitialisedError(
                "the node has not said yet which trust files it has",
                hint="start it on its own machine: sigfed run",
            )
        identity = _identity(home, settings, keychain, offline, copy)
        node = WebNode(identity=identity, store=store, copy=copy)
        node.follow()
        _require_own(identity, copy.read())
        yield node
    finally:
        store.dispose()


def _identity(
    home: Home, settings: Settings, keychain: Keychain, offline: Keychain, copy: HomeCopy
) -> Identity:
    clock = SystemClock()
    trust = OwnTrust(
        copy.trust, clock, root_sha256=bytes.fromhex(settings.root_sha256), freshness=None, alone=_not_here
    )
    return Identity(
        home=home,
        settings=settings,
        clock=clock,
        entropy=system_entropy,
        keychain=keychain,
        root_keychain=offline,
        trust_files=copy.trust,
        introductions=copy.members,
        trust=trust,
        ring=copy,
        serves_only=True,
    )


def _not_here() -> NoReturn:
    raise elsewhere("what is signed")


def _storage_key(keychain: Keychain, label: str) -> bytes:
    """As the node was given it; one that has followed meanwhile has to be copied, too."""
    try:
        return keychain.secret(Role.STORAGE, label)
    except MissingKeyError as exc:
        raise StoreDownError(
            "the storage key {label} is not on this machine",
            label,
            hint="copy its file from the node's own home",
        ) from exc


def _require_shared(home: Home, settings: Settings) -> None:
    if not on_server(settings.store.dsn) or not settings.store.objects:
        raise ConfigError(
            "another machine needs store.dsn of a PostgreSQL database, and store.objects of a bucket",
            hint="sigfed store move --to s3://BUCKET/PREFIX, where the node's home is",
        )
    if not settings.root_sha256:
        raise ConfigError(
            "the configuration does not name the root of the node",
            hint="copy root_sha256 from the node's own",
        )
    if home.ring.exists() or home.signer.exists():
        raise ConfigError("this is the node's own home", hint="sigfed run, without --web")


def _require_few(home: Home, keychain: OnlineKeychain) -> None:
    """What is not here cannot be stolen here."""
    found = [f"{role}-{label}" for role in Role if role not in _ALLOWED for label in keychain.labels(role)]
    found += [path.name for path in sorted(home.offline_keys.glob("*.json"))]
    if found:
        raise ConfigError(
            "keys that must not be on a machine that only serves: {keys}",
            ", ".join(found),
            hint="delete these files here; they stay in the node's own home",
        )


def _require_own(identity: Identity, ring: Sequence[RingKey]) -> None:
    """Check that the node is the one of the configuration, and that its keys are the node's."""
    if (found := identity.trust.root().node) != identity.settings.node:
        raise VerificationError("the database is that of {node}", found, hint="see store.dsn in sigfed.toml")
    keychain, publics = identity.keychain, {(key.role, key.label): key.public for key in ring}
    strange = [
        f"{role}-{label}"
        for role in _OF_THE_RING
        for label in keychain.labels(role)
        if publics.get((role, label)) != keychain.public(role, label)
    ]
    if strange:
        raise ConfigError(
            "no keys of this node: {keys}", ", ".join(sorted(strange)), hint="copy its own, from its own home"
        )
    for role in _NEEDED:
        if not keychain.labels(role):
            raise ConfigError(
                "there is no {role} key here", role, hint="copy its file from the node's own home"
            )
