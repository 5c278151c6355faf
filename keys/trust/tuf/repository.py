"""The rest of a node's TUF repository: which trust files are current together, and until when.

Targets metadata lists the trust files by length and hash, a snapshot names the targets metadata, a timestamp the
snapshot, each for a shorter time. Written with python-tuf's types, so stock clients follow; read back with the root's
keys, counted as everywhere in this package. When to sign anew is the node's matter, fetching with a clock that of
`node.remote`.
Spec: docs/spec/trust.md, "Repository". Source: TUF specification 1.0.34, sections 4.4 to 4.6 and 5.4 to 5.6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeVar

from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError, SerializationError

from keys.encoding import load
from keys.errors import MalformedTrustError
from keys.key import PublicKey
from keys.signer import Signer
from keys.trust.tuf.keys import read_signatures, require_threshold
from keys.trust.tuf.root import RootContent, TrustedRoot
from keys.trust.tuf.write_root import SPEC_VERSION, attach, sign_metadata

MAX_METADATA_BYTES: Final = 1_000_000
"""Of targets metadata; the other two are some hundred bytes."""

TARGETS_FILE: Final = "targets.json"
SNAPSHOT_FILE: Final = "snapshot.json"
TIMESTAMP_FILE: Final = "timestamp.json"
_SHA256: Final = "sha256"

SignedT = TypeVar("SignedT", Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as targets metadata lists it."""

    length: int
    sha256: bytes

    @classmethod
    def of(cls, data: bytes) -> "Listed":
        """What would be listed for `data`."""
        return cls(len(data), sha256(data).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsMetadata:
    """Opened targets metadata: the trust files by path."""

    version: int
    expires: datetime
    files: Mapping[str, Listed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """An opened snapshot or timestamp: the version of the metadata that it names, and its length and hash."""

    version: int
    expires: datetime
    names: int
    file: Listed


def author_targets(
    root: TrustedRoot,
    files: Mapping[str, bytes],
    *,
    version: int,
    expires: datetime,
    signers: Sequence[Signer],
) -> bytes:
    """Targets metadata that lists `files` by path; raises `ThresholdError` for too few signers."""
    data = sign_metadata(_targets(files, version=version, expires=expires), signers)
    open_targets(data, root)
    return data


def targets_message(files: Mapping[str, bytes], *, version: int, expires: datetime) -> bytes:
    """What holders sign to list `files` by path."""
    return _targets(files, version=version, expires=expires).signed_bytes


def assemble_targets(
    files: Mapping[str, bytes], *, version: int, expires: datetime, signatures: Mapping[str, bytes]
) -> bytes:
    """Targets metadata with the signatures of its `targets_message`, by key id; nothing is verified here."""
    return attach(_targets(files, version=version, expires=expires), signatures)


def author_snapshot(
    root: TrustedRoot, targets: bytes, *, version: int, expires: datetime, signer: Signer
) -> bytes:
    """The snapshot that names this targets metadata; raises `ThresholdError` for another signer than a snapshot key."""
    named = open_targets(targets, root).version
    meta = {TARGETS_FILE: _meta_file(named, targets)}
    content = Snapshot(version=version, spec_version=SPEC_VERSION, expires=expires, meta=meta)
    data = sign_metadata(Metadata(content), [signer])
    open_snapshot(data, root)
    return data


def author_timestamp(
    root: TrustedRoot, snapshot: bytes, *, version: int, expires: datetime, signer: Signer
) -> bytes:
    """The timestamp that names this snapshot; raises `ThresholdError` for another signer than a timestamp key."""
    named = open_snapshot(snapshot, root).version
    content = Timestamp(
        version=version, spec_version=SPEC_VERSION, expires=expires, snapshot_meta=_meta_file(named, snapshot)
    )
    data = sign_metadata(Metadata(content), [signer])
    open_timestamp(data, root)
    return data


def open_targets(data: bytes, root: RootContent) -> TargetsMetadata:
    """Targets metadata that enough targets keys of `root` signed.

    Raises `MalformedTrustError` for other bytes, `ThresholdError` for too few signatures. Expiry is not judged here.
    """
    content = _open(data, Targets, root.targets_keys, root.targets_threshold)
    files = {path: _listed(found.length, found.hashes) for path, found in content.targets.items()}
    if content.delegations is not None:
        raise MalformedTrustError("targets: what it delegates is nobody's to sign")
    return TargetsMetadata(version=content.version, expires=content.expires, files=files)


def open_snapshot(data: bytes, root: TrustedRoot) -> Pointer:
    """A snapshot that a snapshot key of `root` signed; raises as `open_targets` does."""
    content = _open(data, Snapshot, root.snapshot_keys, 1)
    return _pointer(content.version, content.expires, content.meta.get(TARGETS_FILE))


def open_timestamp(data: bytes, root: TrustedRoot) -> Pointer:
    """A timestamp that a timestamp key of `root` signed; raises as `open_targets` does."""
    content = _open(data, Timestamp, root.timestamp_keys, 1)
    return _pointer(content.version, content.expires, content.snapshot_meta)


def _targets(files: Mapping[str, bytes], *, version: int, expires: datetime) -> Metadata[Targets]:
    targets = {
        path: TargetFile(length=len(data), hashes={_SHA256: sha256(data).hexdigest()}, path=path)
        for path, data in sorted(files.items())
    }
    return Metadata(Targets(version=version, spec_version=SPEC_VERSION, expires=expires, targets=targets))


def _open(data: bytes, kind: type[SignedT], keys: Sequence[PublicKey], threshold: int) -> SignedT:
    load(data, max_bytes=MAX_METADATA_BYTES, where=kind.type, error=MalformedTrustError)
    try:
        metadata = Metadata[SignedT].from_bytes(data)
        message = metadata.signed_bytes
    except (DeserializationError, SerializationError):
        raise MalformedTrustError("{type}: not TUF metadata", kind.type) from None
    if not isinstance(metadata.signed, kind):
        raise MalformedTrustError("{type}: metadata of another role", kind.type)
    require_threshold(keys, threshold, message, read_signatures(metadata.signatures))
    return metadata.signed


def _meta_file(version: int, data: bytes) -> MetaFile:
    return MetaFile(version=version, length=len(data), hashes={_SHA256: sha256(data).hexdigest()})


def _pointer(version: int, expires: datetime, named: MetaFile | None) -> Pointer:
    if named is None:
        raise MalformedTrustError("snapshot: it names no targets metadata")
    file = _listed(named.length, named.hashes or {})
    return Pointer(version=version, expires=expires, names=named.version, file=file)


def _listed(length: int | None, hashes: Mapping[str, str]) -> Listed:
    if length is None:
        raise MalformedTrustError("metadata: a file without a length")
    try:
        found = bytes.fromhex(hashes[_SHA256])
    except (KeyError, ValueError, TypeError):
        raise MalformedTrustError("metadata: a file without a SHA-256") from None
    if len(found) != sha256().digest_size:
        raise MalformedTrustError("metadata: a SHA-256 of another length")
    return Listed(length, found)
