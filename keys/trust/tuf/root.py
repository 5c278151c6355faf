"""The root of a node's trust: TUF root metadata, the first version pinned by the SHA-256 of its bytes.

Read under stricter rules than TUF's: pinned bytes, no field twice, Ed25519 only, every key admitted, no key in two
roles, signatures counted by key rather than by key id. Each later version is signed by a threshold of the one before
it and of itself, so whoever compared the first can follow to the newest without asking anybody. Writing roots is
`write_root`'s matter; fetching them, and TUF's clock, are `node.remote`'s.
Spec: docs/spec/trust.md, "Root". Source: TUF specification 1.0.34, sections 4.3 and 5.3.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeVar

from tuf.api.metadata import TOP_LEVEL_ROLE_NAMES, Metadata, Root
from tuf.api.metadata import Role as TufRole
from tuf.api.serialization import DeserializationError, SerializationError

from keys.encoding import load
from keys.errors import MalformedTrustError, NotCurrentError
from keys.key import PublicKey, RootPublicKey, SnapshotPublicKey, TargetsPublicKey, TimestampPublicKey
from keys.trust.fingerprint import fingerprint, require_match
from keys.trust.names import is_node_name
from keys.trust.tuf.holders import HOLDERS_FIELD, Holder, check_holders, from_field, numbered
from keys.trust.tuf.keys import from_tuf, read_signatures, require_threshold

NODE_FIELD: Final = "x-sigfed-node"
MAX_ROOT_BYTES: Final = 65_536
"""A root of nine holders has some 10 000; stock clients read 512 000."""
MAX_ROOTS: Final = 256
"""Versions that are followed at most, as python-tuf does."""
_REMEMBERED: Final = 64
"""Roots that are not parsed and verified anew, of the same bytes under the same trust: every file is judged by one."""

KeyT = TypeVar("KeyT", bound=PublicKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootContent:
    """What a root says: whose it is, until when, and which keys have which roles."""

    node: str
    expires: datetime
    """Aware; written in whole seconds."""
    root_keys: tuple[RootPublicKey, ...]
    threshold: int
    """Of the root's own keys."""
    targets_keys: tuple[TargetsPublicKey, ...]
    targets_threshold: int
    snapshot_keys: tuple[SnapshotPublicKey, ...]
    timestamp_keys: tuple[TimestampPublicKey, ...]
    """Of snapshot and timestamp one key must sign."""
    holders: tuple[Holder, ...] = ()
    """Who holds the root and targets keys; empty where the root does not say."""

    @property
    def named_holders(self) -> tuple[Holder, ...]:
        """The holders by name; of a root that names none, by number."""
        return self.holders or numbered(self.root_keys, self.targets_keys)

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """All keys of all roles."""
        return self.root_keys + self.targets_keys + self.snapshot_keys + self.timestamp_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedRoot(RootContent):
    """A root file that was followed from its pin and whose keys signed it; made by the functions here only."""

    data: bytes
    sha256: bytes
    """Of the first version, which people compared, whatever the version."""
    version: int

    def check_current(self, now: datetime) -> None:
        """Returns if the root has not expired at `now`, else raises `NotCurrentError`."""
        if now >= self.expires:
            raise NotCurrentError(
                "the root of {node} expired on {expires}", self.node, f"{self.expires:%Y-%m-%d}"
            )


def open_root(data: bytes, pinned: bytes) -> TrustedRoot:
    """The first root, trusted because its fingerprint starts with `pinned` (16 or 32 bytes).

    Raises `WrongRootError` for other bytes than the pinned ones, `MalformedTrustError` for a file outside our rules,
    `MalformedKeyError` for a key that is not admissible, `ThresholdError` for too few valid signatures.
    """
    return _open_root(data, pinned)


@lru_cache(_REMEMBERED)
def _open_root(data: bytes, pinned: bytes) -> TrustedRoot:
    found = fingerprint(data)
    require_match(found, pinned)
    metadata, message = _parse(data)
    root = _read(metadata.signed, data, found, version=1)
    require_threshold(root.root_keys, root.threshold, message, read_signatures(metadata.signatures))
    return root


def open_next_root(previous: TrustedRoot, data: bytes) -> TrustedRoot:
    """The version after `previous`, signed by a threshold of both (TUF specification section 5.3.4 and 5.3.5).

    Raises as `open_root` does, and `MalformedTrustError` for another version or another node's root.
    """
    return _open_next_root(previous, data)


@lru_cache(_REMEMBERED)
def _open_next_root(previous: TrustedRoot, data: bytes) -> TrustedRoot:
    metadata, message = _parse(data)
    root = _read(metadata.signed, data, previous.sha256, version=previous.version + 1)
    if root.node != previous.node:
        raise MalformedTrustError("root: the next version is of another node")
    signatures = read_signatures(metadata.signatures)
    for signed_by in (previous, root):
        require_threshold(signed_by.root_keys, signed_by.threshold, message, signatures)
    return root


def open_roots(files: Sequence[bytes], pinned: bytes) -> tuple[TrustedRoot, ...]:
    """All versions from the first, which is pinned, to the newest of `files`; raises as `open_root` does."""
    if not 1 <= len(files) <= MAX_ROOTS:
        raise MalformedTrustError("root: {count} versions, and not 1 to {most}", len(files), MAX_ROOTS)
    roots = [open_root(files[0], pinned)]
    for data in files[1:]:
        roots.append(open_next_root(roots[-1], data))
    return tuple(roots)


def _parse(data: bytes) -> tuple[Metadata[Root], bytes]:
    load(data, max_bytes=MAX_ROOT_BYTES, where="root", error=MalformedTrustError)
    try:
        metadata = Metadata[Root].from_bytes(data)
        message = metadata.signed_bytes
    except (DeserializationError, SerializationError):
        raise MalformedTrustError("root: not TUF metadata") from None
    if not isinstance(metadata.signed, Root):
        raise MalformedTrustError("root: metadata of another role")
    return metadata, message


def _read(content: Root, data: bytes, pinned: bytes, *, version: int) -> TrustedRoot:
    node = content.unrecognized_fields.get(NODE_FIELD)
    if not isinstance(node, str) or not is_node_name(node):
        raise MalformedTrustError("root: {name} is not a node name", NODE_FIELD)
    if content.version != version:
        raise MalformedTrustError(
            "root: version {version} where {expected} is expected", content.version, version
        )
    _check_thresholds(content.roles)
    root_keys = _role_keys(content, RootPublicKey)
    targets_keys = _role_keys(content, TargetsPublicKey)
    root = TrustedRoot(
        data=data,
        sha256=pinned,
        version=version,
        node=node,
        expires=content.expires,
        threshold=content.roles["root"].threshold,
        targets_threshold=content.roles["targets"].threshold,
        root_keys=root_keys,
        targets_keys=targets_keys,
        snapshot_keys=_role_keys(content, SnapshotPublicKey),
        timestamp_keys=_role_keys(content, TimestampPublicKey),
        holders=_holders(content, root_keys, targets_keys),
    )
    check_content(root)
    return root


def _role_keys(content: Root, kind: type[KeyT]) -> tuple[KeyT, ...]:
    return tuple(from_tuf(content.keys.get(keyid), keyid, kind) for keyid in content.roles[kind.role].keyids)


def _check_thresholds(roles: Mapping[str, TufRole]) -> None:
    for name in sorted(TOP_LEVEL_ROLE_NAMES):
        if not 1 <= roles[name].threshold <= len(roles[name].keyids):
            raise MalformedTrustError("root: the threshold of {name} cannot be met", name)
    if (roles["snapshot"].threshold, roles["timestamp"].threshold) != (1, 1):
        raise MalformedTrustError("root: one snapshot key and one timestamp key must be enough")


def check_content(content: RootContent) -> None:
    """Returns if a root may say this, whoever signs it, else raises `MalformedTrustError`."""
    for keys, threshold in (
        (content.root_keys, content.threshold),
        (content.targets_keys, content.targets_threshold),
        (content.snapshot_keys, 1),
        (content.timestamp_keys, 1),
    ):
        if not 1 <= threshold <= len(keys):
            raise MalformedTrustError("root: a threshold that its keys cannot meet")
    _check_distinct(content.keys)
    if content.holders:
        check_holders(content.holders, content.root_keys, content.targets_keys)


def _holders(
    content: Root, root_keys: Sequence[RootPublicKey], targets_keys: Sequence[TargetsPublicKey]
) -> tuple[Holder, ...]:
    if HOLDERS_FIELD not in content.unrecognized_fields:
        return ()
    return from_field(content.unrecognized_fields[HOLDERS_FIELD], root_keys, targets_keys)


def _check_distinct(keys: Iterable[PublicKey]) -> None:
    raws = [key.raw for key in keys]
    if len(set(raws)) != len(raws):
        raise MalformedTrustError("root: a key serves two roles")
