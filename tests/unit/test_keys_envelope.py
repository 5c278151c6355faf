"""The envelope: the bytes that are signed, and what does not open under a root."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Key, SSlibKey

from keys.encoding import b64
from keys.errors import MalformedTrustError, ThresholdError
from keys.key import TargetsPrivateKey
from keys.signer import Signer
from keys.trust.envelope import claimed_signers, open_envelope, pre_authentication, read_payload, seal
from keys.trust.tuf.keys import tuf_key_id
from support.trust import ROOT_KEYS, TARGETS_KEYS, trusted_root

PAYLOAD = b'{"serial":1}'


def altered(change: Callable[[dict[str, Any]], object]) -> bytes:
    fields = json.loads(seal("node", PAYLOAD, TARGETS_KEYS[:2]))
    change(fields)
    return json.dumps(fields).encode()


def test_pre_authentication_as_published() -> None:
    # DSSE 1.0.2, protocol.md, "Test Vectors".
    found = pre_authentication("http://example.com/HelloWorld", b"hello world")
    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_what_was_sealed_opens() -> None:
    data = seal("node", PAYLOAD, TARGETS_KEYS[:2])
    assert open_envelope(data, "node", trusted_root()) == PAYLOAD
    assert json.loads(data)["payloadType"] == "application/vnd.sigfed.node.v1+json"


def test_the_same_values_give_the_same_bytes_in_any_order() -> None:
    assert seal("node", PAYLOAD, TARGETS_KEYS) == seal("node", PAYLOAD, TARGETS_KEYS[::-1])


def test_another_implementation_verifies_ours() -> None:
    envelope = Envelope.from_dict(json.loads(seal("node", PAYLOAD, TARGETS_KEYS[:2])))
    keys: list[Key] = [
        SSlibKey(tuf_key_id(key.public), "ed25519", "ed25519", {"public": key.public.raw.hex()})
        for key in TARGETS_KEYS
    ]
    assert len(envelope.verify(keys, 2)) == 2


def test_a_document_of_another_kind_does_not_open() -> None:
    data = seal("members", PAYLOAD, TARGETS_KEYS)
    with pytest.raises(MalformedTrustError, match="not that of a node"):
        open_envelope(data, "node", trusted_root())
    relabelled = altered(lambda fields: fields.update(payloadType="application/vnd.sigfed.members.v1+json"))
    with pytest.raises(ThresholdError, match="targets: 0 of the required 2"):
        open_envelope(relabelled, "members", trusted_root())


@pytest.mark.parametrize(
    ("signers", "signed"),
    [
        ([], 0),
        (TARGETS_KEYS[:1], 1),
        ([TARGETS_KEYS[0], TargetsPrivateKey.from_seed(b"x" * 32)], 1),
        ([TARGETS_KEYS[0], ROOT_KEYS[0]], 1),
    ],
    ids=["nobody", "one", "a stranger", "a key of another role"],
)
def test_too_few_signatures(signers: list[Signer], signed: int) -> None:
    with pytest.raises(ThresholdError) as caught:
        open_envelope(seal("node", PAYLOAD, signers), "node", trusted_root())
    assert (caught.value.signed, caught.value.threshold) == (signed, 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.update(payload=b64(PAYLOAD + b" ")),
        lambda fields: fields["signatures"][1].update(sig=fields["signatures"][0]["sig"]),
        lambda fields: fields["signatures"][1].update(keyid=tuf_key_id(ROOT_KEYS[0].public)),
        lambda fields: fields["signatures"][1].update(sig=b64(b"s" * 63)),
        lambda fields: fields["signatures"].pop(),
    ],
    ids=["payload", "one signature twice", "another key id", "short signature", "one signature"],
)
def test_an_altered_envelope_is_not_signed(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(ThresholdError):
        open_envelope(altered(change), "node", trusted_root())


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.pop("payload"),
        lambda fields: fields.update(payload="e30"),
        lambda fields: fields.update(payloadType=7),
        lambda fields: fields.update(signatures={}),
        lambda fields: fields["signatures"].append("x"),
        lambda fields: fields["signatures"].append(fields["signatures"][0]),
        lambda fields: fields["signatures"][0].update(sig="zz"),
        lambda fields: fields["signatures"][0].pop("keyid"),
        lambda fields: fields.update(signatures=fields["signatures"] * 200),
    ],
)
def test_an_envelope_of_another_form_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(MalformedTrustError):
        open_envelope(altered(change), "node", trusted_root())


def test_unknown_fields_are_ignored_as_dsse_asks() -> None:
    data = altered(lambda fields: fields.update(extension=1))
    assert open_envelope(data, "node", trusted_root()) == PAYLOAD


def test_a_kind_is_a_word() -> None:
    with pytest.raises(AssertionError):
        seal("Node/v2", PAYLOAD, TARGETS_KEYS)


def test_an_envelope_says_by_whom_it_claims_to_be_signed() -> None:
    sealed = seal("node", PAYLOAD, [TARGETS_KEYS[0], ROOT_KEYS[0]])
    assert claimed_signers(sealed) == {tuf_key_id(key.public) for key in (TARGETS_KEYS[0], ROOT_KEYS[0])}
    with pytest.raises(MalformedTrustError):
        claimed_signers(b"{}")


def test_what_somebody_wants_signed_is_read_whoever_signed_it() -> None:
    assert read_payload(seal("node", PAYLOAD, [])) == PAYLOAD
    assert read_payload(altered(lambda fields: fields["signatures"].clear())) == PAYLOAD
    for data in (b"{}", b"[]", altered(lambda fields: fields.update(payload="not base64"))):
        with pytest.raises(MalformedTrustError):
            read_payload(data)
