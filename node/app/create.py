"""Creating a node: configuration, keys, certificate, trust files and store, in a folder where nothing lives yet."""

from dataclasses import dataclass
from pathlib import Path

from keys.errors import KeysError
from keys.key import LogPrivateKey
from keys.keyfile import KdfProfile
from keys.roles import Role
from keys.trust.members import Member
from keys.trust.node_parts import Endpoint, NodeLimits
from node import config
from node.audit.actors import OPERATOR
from node.audit.log import new_record, record, start_audit
from node.clock import Clock, Entropy, milliseconds
from node.config import Guards, Secrets, Settings
from node.errors import AlreadyExistsError, ConfigError
from node.files import create_private, make_private_folder
from node.home import Home, store_dsn
from node.identity import passphrases
from node.identity.keyring import make_tls
from node.identity.lease import claim_of
from node.identity.passphrases import kdf_profile
from node.objects.stores import open_bucket, open_objects, open_trust
from node.signing.keychain import Keychain
from node.signing.log_signer import FolderLogSigner
from node.signing.ring_file import FolderKeyRing
from node.store.driver import parse_dsn
from node.store.store import Store
from node.tls import certificate_name, create_identity
from node.trust.foundation import FIRST, Founded, Founding, found, log_label
from node.trust.pins import with_next_pins


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the operator decided in `sigfed init`."""

    settings: Settings
    root_kdf: KdfProfile


def plan(
    *,
    node: str,
    country: str,
    url: str,
    host: str,
    port: int,
    profile: str,
    dsn: str,
    objects: str,
    passphrase_file: Path | None,
    root_passphrase_file: Path | None,
    root_kdf: str,
) -> Plan:
    """A plan from the operator's answers.

    Raises:
        ConfigError: an answer that cannot be used; the text names it. Nothing has been made then.
        UsageError: an unknown profile of key derivation.
    """
    profile_of_root = kdf_profile(root_kdf, option="--root-kdf")
    fields = {
        "node": node,
        "country": country,
        "profile": profile,
        "listen": {"host": host, "port": port, "url": url if url.endswith("/") else url + "/"},
        "store": {"dsn": dsn, "objects": objects},
        "secrets": _paths(passphrase_file=passphrase_file, root_passphrase_file=root_passphrase_file),
    }
    settings = config.validate(fields, source="init")
    _check_signable(settings)
    if dsn:
        parse_dsn(dsn)
    return Plan(settings=settings, root_kdf=profile_of_root)


def _check_signable(settings: Settings) -> None:
    """Refuse now what no trust file could say: found out later, it would leave half a node behind."""
    try:
        Member(node=settings.node, root_sha256=bytes(32), country=settings.country)
        Endpoint(url=settings.listen.url, tls_spki_sha256=(bytes(32),))
    except KeysError as exc:
        raise ConfigError("init: {reason}", exc) from exc


def _paths(**files: Path | None) -> dict[str, str]:
    return {name: str(path.expanduser().absolute()) for name, path in files.items() if path is not None}


def create(home: Home, plan: Plan, *, clock: Clock, entropy: Entropy) -> Founded:
    """Create the node; the configuration is written last, so a creation that was cut off is not a node.

    Raises:
        AlreadyExistsError: a node, or part of one, is in the folder.
    """
    settings = plan.settings
    _require_empty(home)
    if settings.store.objects:
        open_bucket(settings, claim_of(home, settings)).claim()
    keychain, root_keychain = _new_keychains(home, plan, entropy)
    make_private_folder(home.folder)
    files = open_trust(home)
    identity = create_identity(settings.node, now=clock.now())
    founding = Founding(
        node=settings.node,
        country=settings.country,
        url=settings.listen.url,
        profile=settings.profile,
        tls_spki_sha256=identity.spki_sha256,
        limits=_limits(settings.guards),
    )
    files.put(certificate_name(FIRST), identity.certificate)
    keychain.create_secret(Role.TLS, FIRST, secret=identity.key)
    ring = FolderKeyRing(home.ring)
    try:
        founded = found(
            founding,
            keychain=keychain,
            root_keychain=root_keychain,
            files=files,
            clock=clock,
            pinning=lambda document: with_next_pins(
                document, (), lambda: make_tls(keychain, ring, files, document)
            ),
        )
    except KeysError as exc:
        raise ConfigError(exc.message) from exc
    storage_key = keychain.secret(Role.STORAGE, FIRST)
    _fill(home, settings, keychain, clock, storage_key=storage_key, entropy=entropy)
    pinned = settings.model_copy(update={"root_sha256": founded.root_sha256.hex()})
    create_private(home.config, config.render(pinned).encode())
    return founded


def _fill(
    home: Home, settings: Settings, keychain: Keychain, clock: Clock, *, storage_key: bytes, entropy: Entropy
) -> None:
    """Make the store, and begin the audit log in it."""
    claim = claim_of(home, settings)
    store = Store.create(
        store_dsn(home, settings),
        objects=open_objects(home, settings, claim),
        storage_key=storage_key,
        entropy=entropy,
        claim=claim,
    )
    try:
        origin = start_audit(store, settings.node).origin
        key = keychain.key(LogPrivateKey, log_label(origin))
        made = new_record(
            store,
            actor=OPERATOR,
            action="node.init",
            subject=settings.node,
            now_ms=milliseconds(clock.now()),
            details={"country": settings.country, "profile": settings.profile},
        )
        record(store, FolderLogSigner(home.signer, lambda _: [key]), made)
    finally:
        store.dispose()


def _require_empty(home: Home) -> None:
    for path in (home.config, home.keys, home.trust, home.database):
        if path.exists():
            raise AlreadyExistsError(
                "{path} exists: a node, or part of one, is in this folder",
                path,
                hint="choose another folder with --home; nothing was changed",
            )


def _new_keychains(home: Home, plan: Plan, entropy: Entropy) -> tuple[Keychain, Keychain]:
    secrets: Secrets = plan.settings.secrets
    online = passphrases.new_passphrase(what="passphrase of this node", file=secrets.passphrase_file)
    offline = passphrases.new_passphrase(what="root passphrase", file=secrets.root_passphrase_file)
    # Both are asked before the first file is written: a typing mistake must not leave half a node.
    online()
    offline()
    node = plan.settings.node
    return (
        Keychain(home.keys, node=node, passphrase=online, entropy=entropy),
        Keychain(home.offline_keys, node=node, passphrase=offline, entropy=entropy, profile=plan.root_kdf),
    )


def _limits(guards: Guards) -> NodeLimits:
    return NodeLimits(
        max_adds_per_day=guards.max_adds_per_day,
        max_withdraws_per_day=guards.max_withdraws_per_day,
        max_disputes_per_day=guards.max_disputes_per_day,
        max_checkpoint_age_s=guards.max_checkpoint_age_hours * 3600,
    )
