"""Founding a node: all its keys, its root, its first node document and a members register with itself in it.

It happens once. Root and targets keys go to a keychain of their own, so that they can leave the machine; everything
else stays with the node. Nothing that exists is overwritten.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol, TypeVar

from keys.key import (
    PRIVATE_KEY_TYPES,
    AuthPrivateKey,
    AuthPublicKey,
    LogPrivateKey,
    PrivateKey,
    PublicKey,
    RootPrivateKey,
    SnapshotPrivateKey,
    StatementPrivateKey,
    StatementPublicKey,
    TargetsPrivateKey,
    TimestampPrivateKey,
    TokenPrivateKey,
    TokenPublicKey,
    WitnessPrivateKey,
)
from keys.roles import Role
from keys.trust.fingerprint import fingerprint, to_words
from keys.trust.lifecycle import Lineage
from keys.trust.members import Member, Members, sign_members
from keys.trust.node_document import NodeDocument, sign_node_document
from keys.trust.node_parts import DatedKey, Endpoint, LogInfo, NodeLimits, WitnessInfo
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.root import RootContent, open_root
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE
from keys.trust.tuf.write_root import author_root
from keys.trust.vkey import DatedVkey
from node.clock import Clock
from node.ports.keyring import label_of
from node.ports.objects import ObjectStore
from node.trust.announce import LOG_KEY_DAYS, log_info
from node.trust.own import DOCUMENT_DAYS, ROOT_NAME, window
from node.trust.successors import MakeKey, with_successors
from node.trust.tuf.repository import Freshness, TufRepository
from protocol.audit import audit_origin

FIRST = "1"
"""Label of a role's first key."""

DEFAULT_K = 2
DEFAULT_BLOCK_CAP = 1_000

Key = TypeVar("Key", bound=PrivateKey[PublicKey])
KeyP = TypeVar("KeyP", bound=PublicKey)


def log_label(origin: str) -> str:
    """Label of the key that signs the log `origin`: `lists-NAME-1`, `subsets-NAME-1` or `audit-main-1`."""
    return label_of(Lineage(Role.LOG, origin), 1)


class KeyMaker(Protocol):
    """A keychain that can make keys."""

    def create(self, kind: type[Key], label: str) -> Key:
        """Make a new signing key and its key file; raises `AlreadyExistsError`."""
        ...

    def create_secret(
        self, role: Role, label: str, *, secret: bytes | None = None, public: str = ""
    ) -> bytes:
        """Make the key file of a secret that is not a signing key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How many people hold root and targets keys, and how many of them must act."""

    holders: int
    threshold: int


PROFILES = {"small": Profile(holders=2, threshold=1), "full": Profile(holders=3, threshold=2)}
"""small: one key in use, one on a stick in the safe; full: three holders, two act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """What the operator decided."""

    node: str
    country: str
    url: str
    profile: str
    tls_spki_sha256: bytes
    limits: NodeLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """What came of it."""

    root_sha256: bytes
    words: str
    spare: tuple[str, ...]
    """Key files that nobody needs from day to day: they belong into safes."""


def _as_it_is(document: NodeDocument) -> NodeDocument:
    return document


def found(
    founding: Founding,
    *,
    keychain: KeyMaker,
    root_keychain: KeyMaker,
    files: ObjectStore,
    clock: Clock,
    pinning: Callable[[NodeDocument], NodeDocument] = _as_it_is,
) -> Founded:
    """Make every key and sign the first trust files into `files`; each holder has a root and a targets key.

    `pins` adds the successors of the TLS key, which is made by others.

    Raises:
        AlreadyExistsError: a key of that name exists: a node was founded here before.
    """
    now = clock.now()
    profile = PROFILES[founding.profile]
    labels = tuple(str(number) for number in range(1, profile.holders + 1))
    root_keys = [root_keychain.create(RootPrivateKey, label) for label in labels]
    targets_keys = [root_keychain.create(TargetsPrivateKey, label) for label in labels]
    snapshot = keychain.create(SnapshotPrivateKey, FIRST)
    timestamp = keychain.create(TimestampPrivateKey, FIRST)
    content = RootContent(
        node=founding.node,
        expires=now + timedelta(days=Role.ROOT.info.days),
        root_keys=tuple(key.public for key in root_keys),
        threshold=profile.threshold,
        targets_keys=tuple(key.public for key in targets_keys),
        targets_threshold=profile.threshold,
        snapshot_keys=(snapshot.public,),
        timestamp_keys=(timestamp.public,),
        holders=tuple(
            Holder(name=label, root=root.public, targets=targets.public)
            for label, root, targets in zip(labels, root_keys, targets_keys, strict=True)
        ),
    )
    data = author_root(content, root_keys[: profile.threshold])
    root = open_root(data, fingerprint(data))
    files.put(ROOT_NAME, data)
    signers = targets_keys[: profile.threshold]
    document = pinning(with_successors(_document(founding, now, keychain), content, _maker(keychain)))
    signed = {
        NODE_FILE: sign_node_document(document, signers),
        MEMBERS_FILE: sign_members(_members(founding, fingerprint(data)), signers),
    }
    files.put_all(signed.items())
    repository = TufRepository(files, clock)
    repository.list_files(root, signed, signers)
    repository.stamp(root, lambda: Freshness(snapshot, timestamp))
    keychain.create_secret(Role.STORAGE, FIRST)
    spare = spare_files(roots=labels, targets=labels, signing=labels[: profile.threshold])
    return Founded(root_sha256=fingerprint(data), words=to_words(fingerprint(data)), spare=spare)


def spare_files(*, roots: Sequence[str], targets: Sequence[str], signing: Sequence[str]) -> tuple[str, ...]:
    """Key files, by their labels, that no daily work needs: all but the targets keys that sign the trust files."""
    spare = {Role.ROOT: roots, Role.TARGETS: [label for label in targets if label not in signing]}
    return tuple(f"{role.value}-{label}.json" for role, labels in spare.items() for label in labels)


def _maker(keychain: KeyMaker) -> MakeKey:
    """Makes the successors of first keys."""
    numbers: dict[Lineage, Iterator[int]] = defaultdict(lambda: count(2))

    def make(lineage: Lineage) -> PublicKey:
        label = label_of(lineage, next(numbers[lineage]))
        return keychain.create(PRIVATE_KEY_TYPES[lineage.role], label).public

    return make


def _document(founding: Founding, now: datetime, keychain: KeyMaker) -> NodeDocument:
    return NodeDocument(
        node=founding.node,
        serial=1,
        valid=window(now, DOCUMENT_DAYS),
        endpoints=(Endpoint(url=founding.url, tls_spki_sha256=(founding.tls_spki_sha256,)),),
        auth_keys=(_dated(keychain.create(AuthPrivateKey, FIRST).public, AuthPublicKey, now),),
        token_keys=(_dated(keychain.create(TokenPrivateKey, FIRST).public, TokenPublicKey, now),),
        statement_keys=(_dated(keychain.create(StatementPrivateKey, FIRST).public, StatementPublicKey, now),),
        logs=(_audit_log(founding, now, keychain),),
        witness=_witness(founding, now, keychain),
        subsets=(),
        limits=founding.limits,
    )


def _audit_log(founding: Founding, now: datetime, keychain: KeyMaker) -> LogInfo:
    """From the first act on there is a log that tells of it, with a key that signs nothing else."""
    origin = audit_origin(founding.node)
    key = keychain.create(LogPrivateKey, log_label(origin)).public
    return log_info(founding.url, origin, key, valid=window(now, LOG_KEY_DAYS))


def _witness(founding: Founding, now: datetime, keychain: KeyMaker) -> WitnessInfo:
    name = f"{founding.node}/w{FIRST}"
    key = keychain.create(WitnessPrivateKey, FIRST).public
    vkey = DatedVkey.of(key, name=name, valid=window(now, Role.WITNESS.info.days))
    return WitnessInfo(name=name, url=founding.url.rstrip("/") + "/witness/", vkeys=(vkey,))


def _dated(key: KeyP, _kind: type[KeyP], now: datetime) -> DatedKey[KeyP]:
    return DatedKey(kid=key.kid, key=key, valid=window(now, key.role.info.days))


def _members(founding: Founding, root_sha256: bytes) -> Members:
    own = Member(node=founding.node, root_sha256=root_sha256, country=founding.country)
    return Members(version=1, k=DEFAULT_K, block_cap=DEFAULT_BLOCK_CAP, members=(own,))
