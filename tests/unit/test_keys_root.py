"""The root: stock TUF accepts ours, and what stock TUF or nobody would accept is refused."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import Metadata, Root
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from keys.errors import (
    KeysError,
    MalformedKeyError,
    MalformedTrustError,
    NotCurrentError,
    ThresholdError,
    WrongRootError,
)
from keys.key import RootPrivateKey, TargetsPrivateKey
from keys.trust.fingerprint import fingerprint, from_words, to_words
from keys.trust.tuf.keys import tuf_key_id
from keys.trust.tuf.root import RootContent, open_next_root, open_root, open_roots
from keys.trust.tuf.write_root import author_root
from support.trust import (
    AUTH_KEY,
    EXPIRES,
    NODE,
    NOW,
    ROOT_KEYS,
    SNAPSHOT_KEY,
    TARGETS_KEYS,
    TIMESTAMP_KEY,
    author_next_root,
    root_bytes,
    root_content,
    trusted_root,
)

Json = dict[str, Any]
LOW_ORDER = "01" + "00" * 31


def signed(
    change: Callable[[Json], object], *, signers: tuple[RootPrivateKey, ...] = tuple(ROOT_KEYS)
) -> bytes:
    """Our root with its content changed and then signed again by its holders."""
    content = json.loads(root_bytes())["signed"]
    change(content)
    message = encode_canonical(content)
    assert message is not None
    signatures = [
        {"keyid": tuf_key_id(key.public), "sig": key.sign(message.encode()).hex()} for key in signers
    ]
    return json.dumps({"signatures": signatures, "signed": content}).encode()


def opened(data: bytes) -> object:
    return open_root(data, fingerprint(data))


def key_id(content: Json, role: str) -> str:
    return str(content["roles"][role]["keyids"][0])


def test_what_was_authored_is_what_is_opened() -> None:
    data = root_bytes()
    root = open_root(data, fingerprint(data))
    assert (root.node, root.version, root.threshold, root.expires) == (NODE, 1, 2, EXPIRES)
    assert set(root.root_keys) == {key.public for key in ROOT_KEYS}
    assert set(root.targets_keys) == {key.public for key in TARGETS_KEYS}
    assert root.snapshot_keys == (SNAPSHOT_KEY.public,)
    assert root.timestamp_keys == (TIMESTAMP_KEY.public,)
    assert len(root.keys) == 8
    assert (root.data, root.sha256) == (data, fingerprint(data))


def test_the_words_are_enough_of_a_pin() -> None:
    data = root_bytes()
    assert open_root(data, from_words(to_words(fingerprint(data)))) == trusted_root()


def test_the_same_values_give_the_same_bytes_in_any_order() -> None:
    backwards = root_bytes(root_keys=ROOT_KEYS[::-1], signers=ROOT_KEYS[1::-1])
    assert backwards == root_bytes()


def test_stock_tuf_takes_our_root_as_trusted() -> None:
    data = root_bytes()
    assert TrustedMetadataSet(data, EnvelopeType.METADATA).root.version == 1
    metadata = Metadata[Root].from_bytes(data)
    metadata.verify_delegate("root", metadata)
    metadata.signed.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
    assert metadata.signed.expires == EXPIRES


def test_stock_tuf_follows_our_root_to_a_second_version() -> None:
    # The first slice of a node's history must stay usable when its second root is made by any TUF tool.
    def second(content: Json) -> None:
        content["version"] = 2

    trusted = TrustedMetadataSet(root_bytes(), EnvelopeType.METADATA)
    assert trusted.update_root(signed(second)).version == 2


def test_a_root_that_was_opened_is_refused_afterwards_where_it_is_not_trusted() -> None:
    """What is remembered of a root is what it is under one pin, and after one root."""
    first = trusted_root()
    with pytest.raises(WrongRootError):
        open_root(first.data, bytes(32))
    second = author_next_root(first, root_content(), ROOT_KEYS)
    assert open_next_root(first, second).version == 2
    stranger = RootPrivateKey.from_seed(b"stranger" * 4)
    for other in (
        replace(first, node="other.example"),
        replace(first, version=2),
        replace(first, root_keys=(stranger.public,), threshold=1),
    ):
        with pytest.raises((MalformedTrustError, ThresholdError)):
            open_next_root(other, second)


def test_another_root_than_the_pinned_one_is_refused_unread() -> None:
    with pytest.raises(WrongRootError):
        open_root(root_bytes(node="nl.example"), fingerprint(root_bytes()))
    with pytest.raises(WrongRootError):
        open_root(b"not even JSON", fingerprint(root_bytes()))


@pytest.mark.threat("the root lost or stolen")
@pytest.mark.parametrize("threshold", [1, 2, 3])
def test_the_threshold_is_of_valid_signatures(threshold: int) -> None:
    opened(root_bytes(threshold=threshold, signers=ROOT_KEYS[:threshold]))
    with pytest.raises(ThresholdError) as caught:
        root_bytes(threshold=threshold, signers=ROOT_KEYS[: threshold - 1])
    assert (caught.value.signed, caught.value.threshold) == (threshold - 1, threshold)


def test_signatures_of_strangers_and_invalid_ones_do_not_count() -> None:
    stranger = RootPrivateKey.from_seed(b"x" * 32)
    with pytest.raises(ThresholdError, match="root: 1 of the required 2"):
        root_bytes(signers=[ROOT_KEYS[0], stranger])
    fields = json.loads(root_bytes())
    fields["signatures"][0]["sig"] = "00" * 64
    with pytest.raises(ThresholdError, match="root: 1 of the required 2"):
        opened(json.dumps(fields).encode())


def test_an_invalid_signature_does_not_spoil_enough_valid_ones() -> None:
    # As in TUF: to stock clients and to us the same files are valid.
    fields = json.loads(root_bytes(signers=ROOT_KEYS))
    fields["signatures"][0]["sig"] = "00" * 64
    data = json.dumps(fields).encode()
    opened(data)
    assert TrustedMetadataSet(data, EnvelopeType.METADATA).root.version == 1


def test_a_changed_content_is_not_signed() -> None:
    fields = json.loads(root_bytes())
    fields["signed"]["x-sigfed-node"] = "nl.example"
    with pytest.raises(ThresholdError, match="0 of the required 2"):
        opened(json.dumps(fields).encode())


def test_an_unknown_field_is_signed_and_ignored() -> None:
    assert opened(signed(lambda content: content.update({"x-other": {"a": 1}})))


@pytest.mark.threat("the root lost or stolen")
def test_one_key_under_two_ids_counts_once() -> None:
    # Two signatures by one holder must not be two holders.
    def twice(content: Json) -> None:
        first = key_id(content, "root")
        content["keys"]["00" * 32] = content["keys"][first]
        content["roles"]["root"]["keyids"].append("00" * 32)

    with pytest.raises(MalformedTrustError, match="id that is not its own"):
        opened(signed(twice))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("x-sigfed-node"), "node name"),
        (lambda content: content.update({"x-sigfed-node": 7}), "node name"),
        (lambda content: content.update({"x-sigfed-node": "FR.example"}), "node name"),
        (lambda content: content.update({"x-sigfed-node": "fr.example\n"}), "node name"),
        (lambda content: content.update(version=2), "version"),
        (lambda content: content["roles"]["root"].update(threshold=4), "threshold of root"),
        (lambda content: content["roles"]["snapshot"].update(keyids=[]), "threshold of snapshot"),
        (
            lambda content: content["roles"]["timestamp"].update(
                keyids=content["roles"]["root"]["keyids"], threshold=2
            ),
            "one timestamp key must be enough",
        ),
        (
            lambda content: content["roles"]["targets"].update(keyids=content["roles"]["root"]["keyids"]),
            "two roles",
        ),
        (lambda content: content["roles"]["targets"].update(keyids=["00" * 32, "11" * 32]), "missing"),
        (
            lambda content: content["keys"][key_id(content, "root")].update(scheme="ed25519ph"),
            "not TUF metadata",
        ),
        (
            lambda content: content["keys"][key_id(content, "root")].update(
                keytype="ecdsa", scheme="ecdsa-sha2-nistp256"
            ),
            "missing or not ed25519",
        ),
        (lambda content: content["keys"][key_id(content, "root")]["keyval"].update(public="zz"), "not hex"),
        (lambda content: content["roles"].pop("timestamp"), "not TUF metadata"),
        (lambda content: content["roles"]["root"].update(threshold=0), "not TUF metadata"),
        (lambda content: content.update(_type="targets", targets={}), "another role"),
        (lambda content: content.update(expires="tomorrow"), "not TUF metadata"),
        (lambda content: content.update(spec_version="2.0.0"), "not TUF metadata"),
    ],
)
def test_a_root_outside_our_rules_is_refused(change: Callable[[Json], object], message: str) -> None:
    with pytest.raises(MalformedTrustError, match=message):
        opened(signed(change))


@pytest.mark.parametrize("public", [LOW_ORDER, "00" * 31, "ee" + "ff" * 30 + "7f"])
def test_a_key_that_is_not_admissible_is_refused(public: str) -> None:
    def change(content: Json) -> None:
        content["keys"][key_id(content, "timestamp")]["keyval"]["public"] = public

    with pytest.raises(MalformedKeyError):
        opened(signed(change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"signed": 1, "signatures": []}',
        root_bytes()[:-1],
        root_bytes().replace(b'"version":1', b'"version":1,"version":1'),
        b" " * 512_001,
    ],
    ids=["empty", "no fields", "array", "no content", "cut", "field twice", "long"],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedTrustError):
        opened(data)


@pytest.mark.parametrize("signature", ["zz", 7, None, []])
def test_a_signature_that_is_not_hex_is_refused(signature: object) -> None:
    fields = json.loads(root_bytes())
    fields["signatures"][0]["sig"] = signature
    with pytest.raises(MalformedTrustError):
        opened(json.dumps(fields).encode())


def test_a_number_that_tuf_cannot_sign_is_refused() -> None:
    fields = json.loads(root_bytes())
    fields["signed"]["x-other"] = 1.5
    with pytest.raises(MalformedTrustError, match="not TUF metadata"):
        opened(json.dumps(fields).encode())


def test_two_signatures_under_one_id_are_refused() -> None:
    fields = json.loads(root_bytes())
    fields["signatures"].append(copy.copy(fields["signatures"][0]))
    with pytest.raises(KeysError):
        opened(json.dumps(fields).encode())


def test_a_root_that_would_not_open_is_not_written() -> None:
    with pytest.raises(MalformedTrustError, match="node name"):
        root_bytes(node="Not A Name")
    both = TargetsPrivateKey.from_seed(ROOT_KEYS[0].seed).public
    with pytest.raises(MalformedTrustError, match="two roles"):
        author_root(replace(root_content(), targets_keys=(both,), targets_threshold=1), ROOT_KEYS)


def test_only_root_keys_sign_the_root() -> None:
    with pytest.raises(ThresholdError):
        root_bytes(signers=[ROOT_KEYS[0], AUTH_KEY])


def test_a_root_expires() -> None:
    root = trusted_root()
    root.check_current(NOW)
    root.check_current(EXPIRES - timedelta(seconds=1))
    with pytest.raises(NotCurrentError, match=r"fr\.example expired on 2027-11-01"):
        root.check_current(EXPIRES)


def test_an_expiry_is_cut_to_whole_seconds() -> None:
    expires = datetime(2027, 11, 1, 0, 0, 0, 999_999, tzinfo=UTC)
    data = author_root(replace(root_content(), expires=expires), ROOT_KEYS)
    assert open_root(data, fingerprint(data)).expires == EXPIRES


# ------------------------------------------------------------------ later versions

NEW_HOLDERS = [RootPrivateKey.from_seed(letter * 32) for letter in (b"u", b"v", b"w")]


def root_of(holders: Sequence[RootPrivateKey], **changes: Any) -> RootContent:
    """What a next root says that these people hold."""
    return replace(root_content(), root_keys=tuple(key.public for key in holders), **changes)


SECOND = author_next_root(trusted_root(), root_of([*ROOT_KEYS[:2], NEW_HOLDERS[0]]), ROOT_KEYS[:2])


def test_one_holder_of_three_is_replaced() -> None:
    first = trusted_root()
    second = open_next_root(first, SECOND)
    assert (second.version, second.sha256, second.data) == (2, first.sha256, SECOND)
    assert NEW_HOLDERS[0].public in second.root_keys
    assert ROOT_KEYS[2].public not in second.root_keys


def test_all_holders_are_replaced_by_the_signatures_of_both() -> None:
    third = author_next_root(
        open_next_root(trusted_root(), SECOND), root_of(NEW_HOLDERS), [*ROOT_KEYS[:2], *NEW_HOLDERS[:2]]
    )
    roots = open_roots([root_bytes(), SECOND, third], fingerprint(root_bytes()))
    assert [root.version for root in roots] == [1, 2, 3]
    assert {root.sha256 for root in roots} == {fingerprint(root_bytes())}
    assert set(roots[-1].root_keys) == {key.public for key in NEW_HOLDERS}


def test_stock_tuf_follows_the_roots_that_we_write() -> None:
    trusted = TrustedMetadataSet(root_bytes(), EnvelopeType.METADATA)
    assert trusted.update_root(SECOND).version == 2


@pytest.mark.parametrize(
    ("signers", "signed"),
    [(ROOT_KEYS[:1], 1), (NEW_HOLDERS, 0), ([*ROOT_KEYS[:1], *NEW_HOLDERS], 1), (ROOT_KEYS, 0)],
    ids=["one of the old", "the new alone", "one of the old and the new", "the old alone"],
)
def test_a_next_root_needs_both_thresholds(signers: Sequence[RootPrivateKey], signed: int) -> None:
    with pytest.raises(ThresholdError) as caught:
        author_next_root(trusted_root(), root_of(NEW_HOLDERS), signers)
    assert (caught.value.signed, caught.value.threshold) == (signed, 2)


def test_a_next_root_is_of_the_same_node() -> None:
    # The same people may hold the roots of two nodes.
    with pytest.raises(MalformedTrustError, match="another node"):
        author_next_root(trusted_root(), replace(root_content(), node="nl.example"), ROOT_KEYS)


def test_no_version_is_left_out_repeated_or_taken_back() -> None:
    third = author_next_root(open_next_root(trusted_root(), SECOND), root_content(), ROOT_KEYS)
    pinned = fingerprint(root_bytes())
    for files in ([root_bytes(), third], [root_bytes(), root_bytes()], [root_bytes(), SECOND, SECOND]):
        with pytest.raises(MalformedTrustError, match="expected"):
            open_roots(files, pinned)
    with pytest.raises(WrongRootError):
        open_roots([SECOND, third], pinned)


@pytest.mark.parametrize("count", [0, 257])
def test_roots_are_bounded(count: int) -> None:
    with pytest.raises(MalformedTrustError, match="not 1 to 256"):
        open_roots([root_bytes()] * count, fingerprint(root_bytes()))
