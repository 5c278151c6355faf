"""The root of a node's trust: a valid TUF `1.root.json`, pinned by the SHA-256 of its bytes.

Written with python-tuf's own types, so stock TUF clients accept it; read back under stricter rules than TUF's: pinned
bytes, no field twice, Ed25519 only, every key admitted, no key in two roles, signatures checked by libsodium
and counted by key rather than by key id. Following later root versions, and TUF's clock, are `node.remote`'s matter.
Spec: docs/spec/trust.md, "Root". Source: TUF specification 1.0.34, sections 4.2 to 4.3 and 5.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeVar

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Key, Signature, SSlibKey
from tuf.api.metadata import TOP_LEVEL_ROLE_NAMES, Metadata, Root
from tuf.api.metadata import Role as TufRole
from tuf.api.serialization import DeserializationError, SerializationError
from tuf.api.serialization.json import JSONSerializer

from keys.encoding import load
from keys.errors import BadSignatureError, MalformedTrustError, NotCurrentError, ThresholdError
from keys.key import PublicKey, RootPublicKey, SnapshotPublicKey, TargetsPublicKey, TimestampPublicKey
from keys.roles import Role
from keys.signer import Signer
from keys.trust.fingerprint import fingerprint, require_match
from keys.trust.names import is_node_name

NODE_FIELD: Final = "x-sigfed-node"
MAX_ROOT_BYTES: Final = 512_000
"""As python-tuf's default limit for root metadata."""

_KEY_TYPE: Final = "ed25519"
_SPEC_VERSION: Final = "1.0.31"
"""Fixed, so that a newer library does not write other bytes for the same values."""

KeyT = TypeVar("KeyT", bound=PublicKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedRoot:
    """A root file that matched its pin and whose own keys signed it; made by `open_root` only."""

    data: bytes
    sha256: bytes
    node: str
    version: int
    expires: datetime
    threshold: int
    root_keys: tuple[RootPublicKey, ...]
    targets_keys: tuple[TargetsPublicKey, ...]
    snapshot_keys: tuple[SnapshotPublicKey, ...]
    timestamp_keys: tuple[TimestampPublicKey, ...]

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """All keys of all roles."""
        return self.root_keys + self.targets_keys + self.snapshot_keys + self.timestamp_keys

    def check_current(self, now: datetime) -> None:
        """Returns if the root has not expired at `now`, else raises `NotCurrentError`."""
        if now >= self.expires:
            raise NotCurrentError(f"the root of {self.node} expired on {self.expires:%Y-%m-%d}")


def author_root(
    *,
    node: str,
    root: Sequence[RootPublicKey],
    threshold: int,
    targets: Sequence[TargetsPublicKey],
    targets_threshold: int = 1,
    snapshot: SnapshotPublicKey,
    timestamp: TimestampPublicKey,
    expires: datetime,
    signers: Sequence[Signer],
) -> bytes:
    """The bytes of `1.root.json`: the same values give the same bytes.

    `threshold` of `root` and `targets_threshold` of `targets` must sign. `expires` is aware and cut to whole
    seconds. Raises `MalformedTrustError` for what `open_root` would refuse, `ThresholdError` for too few signers.
    """
    content = Root(spec_version=_SPEC_VERSION, expires=expires, unrecognized_fields={NODE_FIELD: node})
    content.roles["root"].threshold = threshold
    content.roles["targets"].threshold = targets_threshold
    keys: tuple[PublicKey, ...] = (*root, *targets, snapshot, timestamp)
    for key in sorted(keys, key=tuf_key_id):
        content.add_key(_to_tuf(key), key.role)
    metadata = Metadata(content)
    message = metadata.signed_bytes
    for signer in sorted(signers, key=lambda signer: tuf_key_id(signer.public)):
        keyid = tuf_key_id(signer.public)
        metadata.signatures[keyid] = Signature(keyid, signer.sign(message).hex())
    data = metadata.to_bytes(JSONSerializer(compact=True))
    open_root(data, fingerprint(data))
    return data


def open_root(data: bytes, pinned: bytes) -> TrustedRoot:
    """The root in `data`, trusted because its fingerprint starts with `pinned` (16 or 32 bytes).

    Raises `WrongRootError` for other bytes than the pinned ones, `MalformedTrustError` for a file outside our rules,
    `MalformedKeyError` for a key that is not admissible, `ThresholdError` for too few valid signatures.
    """
    found = fingerprint(data)
    require_match(found, pinned)
    metadata, message = _parse(data)
    root = _read(metadata.signed, data, found)
    require_threshold(root, message, _signatures(metadata))
    return root


def tuf_key_id(key: PublicKey) -> str:
    """TUF's name of a key: SHA-256 of its canonical JSON, in hex (TUF specification section 4.2)."""
    content = {"keytype": _KEY_TYPE, "keyval": {"public": key.raw.hex()}, "scheme": _KEY_TYPE}
    canonical = encode_canonical(content)
    assert canonical is not None, "only an output function makes it None"
    return sha256(canonical.encode("ascii")).hexdigest()


def require_threshold(root: TrustedRoot, message: bytes, signatures: Mapping[str, bytes]) -> None:
    """Returns if enough root keys signed `message`, else raises `ThresholdError`.

    `signatures` maps TUF key ids to 64 bytes. Signatures of unknown keys, and invalid ones, count for nothing,
    as in TUF: to stock clients and to us the same set of files is valid.
    """
    signed = sum(_signed(key, message, signatures.get(tuf_key_id(key))) for key in root.root_keys)
    if signed < root.threshold:
        raise ThresholdError(Role.ROOT, signed=signed, threshold=root.threshold)


def _signed(key: PublicKey, message: bytes, signature: bytes | None) -> bool:
    if signature is None:
        return False
    try:
        key.verify(message, signature)
    except BadSignatureError:
        return False
    return True


def _signatures(metadata: Metadata[Root]) -> dict[str, bytes]:
    try:
        return {keyid: bytes.fromhex(found.signature) for keyid, found in metadata.signatures.items()}
    except (ValueError, TypeError):
        raise MalformedTrustError("root: a signature is not hex") from None


def _to_tuf(key: PublicKey) -> Key:
    return SSlibKey(tuf_key_id(key), _KEY_TYPE, _KEY_TYPE, {"public": key.raw.hex()})


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


def _read(content: Root, data: bytes, found: bytes) -> TrustedRoot:
    node = content.unrecognized_fields.get(NODE_FIELD)
    if not isinstance(node, str) or not is_node_name(node):
        raise MalformedTrustError(f"root: {NODE_FIELD} is not a node name")
    root = TrustedRoot(
        data=data,
        sha256=found,
        node=node,
        version=content.version,
        expires=content.expires,
        threshold=content.roles["root"].threshold,
        root_keys=_role_keys(content, RootPublicKey),
        targets_keys=_role_keys(content, TargetsPublicKey),
        snapshot_keys=_role_keys(content, SnapshotPublicKey),
        timestamp_keys=_role_keys(content, TimestampPublicKey),
    )
    _check(root, content.roles)
    return root


def _role_keys(content: Root, kind: type[KeyT]) -> tuple[KeyT, ...]:
    return tuple(_admit(content.keys.get(keyid), keyid, kind) for keyid in content.roles[kind.role].keyids)


def _admit(key: Key | None, keyid: str, kind: type[KeyT]) -> KeyT:
    if key is None or key.keytype != _KEY_TYPE or key.scheme != _KEY_TYPE:
        raise MalformedTrustError(f"root: a {kind.role} key is missing or not {_KEY_TYPE}")
    try:
        admitted = kind.from_bytes(bytes.fromhex(key.keyval["public"]))
    except (ValueError, TypeError, KeyError):
        raise MalformedTrustError(f"root: a {kind.role} key is not hex") from None
    # One key under two ids would count twice in a client that counts ids.
    if tuf_key_id(admitted) != keyid:
        raise MalformedTrustError(f"root: a {kind.role} key has an id that is not its own")
    return admitted


def _check(root: TrustedRoot, roles: Mapping[str, TufRole]) -> None:
    if root.version != 1:
        raise MalformedTrustError("root: the pinned version is not 1")
    if len({key.raw for key in root.keys}) != len(root.keys):
        raise MalformedTrustError("root: a key serves two roles")
    for name in sorted(TOP_LEVEL_ROLE_NAMES):
        if not 1 <= roles[name].threshold <= len(roles[name].keyids):
            raise MalformedTrustError(f"root: the threshold of {name} cannot be met")
