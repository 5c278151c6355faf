"""Targets, snapshot and timestamp metadata: stock TUF takes ours, and what enough keys did not sign is refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from keys.errors import MalformedTrustError, ThresholdError
from keys.key import PrivateKey, PublicKey
from keys.trust.tuf.keys import tuf_key_id
from keys.trust.tuf.repository import (
    Listed,
    author_snapshot,
    author_targets,
    author_timestamp,
    open_snapshot,
    open_targets,
    open_timestamp,
)
from support.trust import ROOT_KEYS, SNAPSHOT_KEY, TARGETS_KEYS, TIMESTAMP_KEY, root_bytes, trusted_root

Json = dict[str, Any]
ROOT = trusted_root()
FILES = {"trust/node.json": b"{}", "trust/members.json": b"[]"}
EXPIRES = datetime(2099, 1, 1, tzinfo=UTC)
TARGETS = author_targets(ROOT, FILES, version=3, expires=EXPIRES, signers=TARGETS_KEYS[:2])
SNAPSHOT = author_snapshot(ROOT, TARGETS, version=5, expires=EXPIRES, signer=SNAPSHOT_KEY)
TIMESTAMP = author_timestamp(ROOT, SNAPSHOT, version=8, expires=EXPIRES, signer=TIMESTAMP_KEY)
OPENERS: dict[str, tuple[Callable[..., object], bytes, list[PrivateKey[PublicKey]]]] = {
    "targets": (open_targets, TARGETS, [*TARGETS_KEYS]),
    "snapshot": (open_snapshot, SNAPSHOT, [SNAPSHOT_KEY]),
    "timestamp": (open_timestamp, TIMESTAMP, [TIMESTAMP_KEY]),
}


def altered(data: bytes, change: Callable[[Json], object], signers: list[PrivateKey[PublicKey]]) -> bytes:
    """Metadata with its content changed and signed again."""
    content = json.loads(data)["signed"]
    change(content)
    message = encode_canonical(content)
    assert message is not None
    signatures = [
        {"keyid": tuf_key_id(key.public), "sig": key.sign(message.encode()).hex()} for key in signers
    ]
    return json.dumps({"signatures": signatures, "signed": content}).encode()


def test_what_was_authored_is_what_is_opened() -> None:
    targets = open_targets(TARGETS, ROOT)
    assert (targets.version, targets.expires) == (3, EXPIRES)
    assert targets.files == {path: Listed.of(data) for path, data in FILES.items()}
    snapshot, timestamp = open_snapshot(SNAPSHOT, ROOT), open_timestamp(TIMESTAMP, ROOT)
    assert (snapshot.version, snapshot.names, snapshot.expires) == (5, 3, EXPIRES)
    assert (timestamp.version, timestamp.names, timestamp.expires) == (8, 5, EXPIRES)


def test_the_same_values_give_the_same_bytes() -> None:
    backwards = dict(reversed(FILES.items()))
    again = author_targets(ROOT, backwards, version=3, expires=EXPIRES, signers=TARGETS_KEYS[1::-1])
    assert again == TARGETS


def test_stock_tuf_takes_ours_in_its_order() -> None:
    trusted = TrustedMetadataSet(root_bytes(), EnvelopeType.METADATA)
    assert trusted.update_timestamp(TIMESTAMP).version == 8
    assert trusted.update_snapshot(SNAPSHOT).version == 5
    taken = trusted.update_delegated_targets(TARGETS, "targets", "root")
    assert set(taken.targets) == set(FILES)


@pytest.mark.parametrize("role", OPENERS)
def test_other_keys_than_the_roles_sign_nothing(role: str) -> None:
    read, data, _ = OPENERS[role]
    for signers in ([], [*ROOT_KEYS], [TARGETS_KEYS[0]], [key for _, (_, _, [key, *_]) in OPENERS.items()]):
        if role in {"snapshot", "timestamp"}:
            signers = [key for key in signers if key.public.role != role]  # noqa: PLW2901
        with pytest.raises(ThresholdError):
            read(altered(data, lambda content: None, list(signers)), ROOT)


def test_what_too_few_sign_is_not_written() -> None:
    with pytest.raises(ThresholdError, match="targets: 1 of the required 2"):
        author_targets(ROOT, FILES, version=1, expires=EXPIRES, signers=TARGETS_KEYS[:1])
    with pytest.raises(ThresholdError, match="snapshot: 0 of the required 1"):
        author_snapshot(ROOT, TARGETS, version=1, expires=EXPIRES, signer=TIMESTAMP_KEY)
    with pytest.raises(ThresholdError, match="timestamp: 0 of the required 1"):
        author_timestamp(ROOT, SNAPSHOT, version=1, expires=EXPIRES, signer=SNAPSHOT_KEY)


@pytest.mark.parametrize(
    ("role", "change", "message"),
    [
        ("targets", lambda content: content.update(_type="snapshot", meta={}), "another role"),
        ("targets", lambda content: content.update(version=0), "not TUF metadata"),
        (
            "targets",
            lambda content: content["targets"]["trust/node.json"].update(hashes={"md5": "00"}),
            "SHA-256",
        ),
        (
            "targets",
            lambda content: content["targets"]["trust/node.json"].update(hashes={"sha256": "zz"}),
            "SHA-256",
        ),
        (
            "targets",
            lambda content: content["targets"]["trust/node.json"].update(hashes={"sha256": "00"}),
            "SHA-256",
        ),
        ("targets", lambda content: content.update(delegations={"keys": {}, "roles": []}), "delegates"),
        ("snapshot", lambda content: content.update(meta={}), "names no targets"),
        ("snapshot", lambda content: content.update(_type="targets", targets={}), "another role"),
        ("timestamp", lambda content: content.update(meta={}), "not TUF metadata"),
        ("timestamp", lambda content: content.update(expires="soon"), "not TUF metadata"),
    ],
)
def test_other_metadata_is_refused(role: str, change: Callable[[Json], object], message: str) -> None:
    read, data, signers = OPENERS[role]
    with pytest.raises(MalformedTrustError, match=message):
        read(altered(data, change, signers), ROOT)


@pytest.mark.parametrize("role", OPENERS)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="no fields"),
        pytest.param(b"[]", id="array"),
        pytest.param(TARGETS[:-1], id="cut"),
        pytest.param(b" " * 1_000_001, id="long"),
        pytest.param(TARGETS.replace(b'"version":3', b'"version":3,"version":3'), id="field twice"),
    ],
)
def test_other_bytes_are_refused(role: str, data: bytes) -> None:
    with pytest.raises(MalformedTrustError):
        OPENERS[role][0](data, ROOT)
