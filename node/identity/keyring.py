"""The key ring of an opened node: its key files joined with its trust files, and successors made for it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from keys.key import PRIVATE_KEY_TYPES, LogPrivateKey, LogPublicKey, PublicKey, TokenPublicKey
from keys.roles import Role
from keys.trust.lifecycle import Lineage, Stage
from keys.trust.listed_keys import epoch_kid, listed_keys
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.root import TrustedRoot
from node.clock import Clock
from node.errors import AlreadyExistsError
from node.ports.callers import LEEWAY_SECONDS, TOKEN_SECONDS
from node.ports.keyring import KeyRing, RingKey, next_label
from node.ports.objects import ObjectStore
from node.signing.online import OnlineKeychain
from node.trust.adopt import KeyFile, adopt
from node.trust.own import OwnTrust
from node.trust.pins import with_next_pins
from node.trust.successors import SUCCEEDED, with_successors

_ENDED = frozenset({Stage.REVOKED, Stage.LOST, Stage.DESTROYED})


def with_keys(
    document: NodeDocument, root: TrustedRoot, keychain: OnlineKeychain, ring: KeyRing, files: ObjectStore
) -> NodeDocument:
    """The document with the keys that follow those in it; their key files are made on the way."""
    from node.subsets.epochs import with_epochs  # noqa: PLC0415 - most commands do without

    keys = ring.read()
    ended = frozenset(key.managed.kid for key in keys if key.stage in _ENDED)
    document = with_successors(
        document,
        root,
        lambda lineage: make_key(keychain, ring, lineage),
        ended=ended | _elsewhere(document, root, keychain),
    )
    lost = frozenset(epoch_kid(*epoch) for epoch in lost_epochs(document, keychain))
    document = with_epochs(document, lambda *epoch: _make_epoch(keychain, *epoch), ended=ended | lost)
    return with_next_pins(document, keys, lambda: make_tls(keychain, ring, files, document))


def _elsewhere(document: NodeDocument, root: TrustedRoot, keychain: OnlineKeychain) -> frozenset[str]:
    """Kids of keys that are listed and not here, as after a restore: another has to sign in their place."""
    held = {role: {keychain.public(role, label) for label in keychain.labels(role)} for role in SUCCEEDED}
    here = {
        PRIVATE_KEY_TYPES[role].public_type.from_text(text).kid
        for role, texts in held.items()
        for text in texts
    }
    named = {key.kid for key in listed_keys(document, root) if key.lineage.role in SUCCEEDED}
    return frozenset(named - here)


def lost_epochs(document: NodeDocument, keychain: OnlineKeychain) -> frozenset[tuple[str, int]]:
    """Epochs that are announced and whose secrets are not here, as after a restore: others must take their time."""
    from node.signing.epochs import held_epochs  # noqa: PLC0415 - most commands do without

    named = frozenset((info.name, each.epoch) for info in document.subsets for each in info.epochs)
    return named - frozenset(held_epochs(keychain))


def _make_epoch(keychain: OnlineKeychain, subset: str, epoch: int) -> bytes:
    from node.group.sodium import load_sodium  # noqa: PLC0415 - most commands do without
    from node.signing.epochs import public_of_epoch  # noqa: PLC0415 - most commands do without

    return public_of_epoch(keychain, load_sodium(), subset, epoch)


def make_tls(keychain: OnlineKeychain, ring: KeyRing, files: ObjectStore, document: NodeDocument) -> bytes:
    """A new TLS key with its certificate; its pin. Cut off between the two, the certificate is made again."""
    from node.tls import certificate_name, create_identity  # noqa: PLC0415 - most commands do without

    label = new_label(keychain, ring, Lineage(Role.TLS))
    identity = create_identity(document.node, now=document.valid.start)
    files.put(certificate_name(label), identity.certificate)
    keychain.create_secret(Role.TLS, label, secret=identity.key)
    return identity.spki_sha256


def make_key(keychain: OnlineKeychain, ring: KeyRing, lineage: Lineage) -> PublicKey:
    """A new signing key of the lineage, in a key file of the next label."""
    return keychain.make(PRIVATE_KEY_TYPES[lineage.role], new_label(keychain, ring, lineage))


def log_key(keychain: OnlineKeychain, label: str) -> LogPublicKey:
    """The public half of a log's first key, made unless an earlier try did that."""
    try:
        return keychain.make(LogPrivateKey, label)
    except AlreadyExistsError:
        return LogPublicKey.from_text(keychain.public(Role.LOG, label))


def new_label(keychain: OnlineKeychain, ring: KeyRing, lineage: Lineage) -> str:
    """A label that no key of the role has or had."""
    role = lineage.role
    held = [key.label for key in ring.read() if key.role is role]
    return next_label(lineage, [*keychain.labels(role), *held])


def adopt_keys(
    keychain: OnlineKeychain, ring: KeyRing, files: ObjectStore, trust: OwnTrust, clock: Clock
) -> tuple[RingKey, ...]:
    """Take into the ring what the newest trust files say, and the key files that they name; returns the ring."""
    root, document, revoked = trust.root(), trust.document(), trust.revocations()
    found = list(_key_files(keychain, files))

    def change(old: tuple[RingKey, ...]) -> Iterable[RingKey]:
        listed = listed_keys(document, root)
        return adopt(old, found, listed, revoked=revoked, serial=document.serial, now=clock.now())

    return ring.change(change)


def accepted_token_keys(ring: Iterable[RingKey], now: datetime) -> Sequence[TokenPublicKey]:
    """The keys whose access tokens are accepted: the one that signs, and others until their last token has expired."""

    def counts(key: RingKey) -> bool:
        if key.stage is Stage.RETIRED:
            return now < key.since + timedelta(seconds=TOKEN_SECONDS + LEEWAY_SECONDS)
        return key.stage is Stage.ACTIVE and key.managed.valid.covers(now)

    return [TokenPublicKey.from_text(key.public) for key in ring if key.role is Role.TOKEN and counts(key)]


def _key_files(keychain: OnlineKeychain, files: ObjectStore) -> Iterator[KeyFile]:
    for role in Role:
        if not role.info.online:
            continue
        for label in keychain.labels(role):
            public = keychain.public(role, label)
            kid = _kid(role, label, public, files)
            yield KeyFile(role=role, label=label, kid=kid, public=public)


def _kid(role: Role, label: str, public: str, files: ObjectStore) -> str:
    if role in PRIVATE_KEY_TYPES:
        return PRIVATE_KEY_TYPES[role].public_type.from_text(public).kid
    from node.tls import TlsIdentity, certificate_name  # noqa: PLC0415 - most commands do without

    # Without its certificate a TLS key has no name that a document could list.
    if role is Role.TLS and files.exists(certificate_name(label)):
        return TlsIdentity(certificate=files.get(certificate_name(label)), key=b"").spki_sha256.hex()
    return f"{role}-{label}"
