"""Statements: one signature, one encoding, one kind."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from keys.encoding import b64, dump
from keys.errors import BadSignatureError, KeysError, MalformedTrustError
from keys.key import AuthPrivateKey, StatementPrivateKey
from keys.trust.statement import open_statement, seal_statement, unverified_payload

KEY = StatementPrivateKey.from_seed(b"s" * 32)
NEXT = StatementPrivateKey.from_seed(b"t" * 32)
PAYLOAD = b"\xa1\x00\x01"
SEALED = seal_statement("receipt", PAYLOAD, KEY)


def altered(change: Callable[[dict[str, Any]], object]) -> bytes:
    fields = json.loads(SEALED)
    change(fields)
    return dump(fields)


def test_what_was_sealed_opens_under_any_of_the_keys() -> None:
    assert open_statement(SEALED, "receipt", [NEXT.public, KEY.public]) == PAYLOAD
    assert json.loads(SEALED)["payloadType"] == "application/vnd.sigfed.receipt.v1+cbor"


def test_another_implementation_verifies_ours() -> None:
    key = SSlibKey(KEY.public.kid, "ed25519", "ed25519", {"public": KEY.public.raw.hex()})
    assert len(Envelope.from_dict(json.loads(SEALED)).verify([key], 1)) == 1


def test_a_statement_of_another_kind_does_not_open() -> None:
    with pytest.raises(MalformedTrustError, match="not that of a case-answer"):
        open_statement(SEALED, "case-answer", [KEY.public])
    relabelled = altered(lambda fields: fields.update(payloadType="application/vnd.sigfed.case.v1+cbor"))
    with pytest.raises(BadSignatureError):
        open_statement(relabelled, "case", [KEY.public])


@pytest.mark.parametrize("keys", [(), (NEXT.public,)], ids=["none", "another"])
def test_a_key_that_is_not_the_nodes(keys: tuple[Any, ...]) -> None:
    with pytest.raises(BadSignatureError, match="not the node's"):
        open_statement(SEALED, "receipt", keys)


def test_whoever_kept_a_statement_reads_it_without_the_key() -> None:
    assert unverified_payload(SEALED, "receipt") == PAYLOAD
    with pytest.raises(MalformedTrustError, match="not that of a case-answer"):
        unverified_payload(SEALED, "case-answer")


def test_any_altered_byte_is_refused() -> None:
    for place in range(len(SEALED)):
        for bit in (1, 32):
            data = bytearray(SEALED)
            data[place] ^= bit
            with pytest.raises(KeysError):
                open_statement(bytes(data), "receipt", [KEY.public])


@pytest.mark.parametrize(
    "data",
    [
        altered(lambda fields: fields["signatures"].append(fields["signatures"][0])),
        altered(lambda fields: fields.update(signatures=[])),
        altered(lambda fields: fields.update(extension=1)),
        altered(lambda fields: fields["signatures"][0].update(cert="x")),
        altered(lambda fields: fields.pop("payload")),
        altered(lambda fields: fields["signatures"][0].update(sig=7)),
        json.dumps(json.loads(SEALED)).encode(),
        b"x" * 70_000,
        b"",
    ],
    ids=["two signatures", "none", "field", "inner field", "no payload", "number", "spaces", "long", "empty"],
)
def test_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedTrustError):
        open_statement(data, "receipt", [KEY.public])


def test_a_short_signature_is_none() -> None:
    short = altered(lambda fields: fields["signatures"][0].update(sig=b64(b"s" * 63)))
    with pytest.raises(BadSignatureError):
        open_statement(short, "receipt", [KEY.public])


@pytest.mark.threat("a stolen online key")
def test_only_a_statement_key_signs_statements() -> None:
    with pytest.raises(AssertionError):
        seal_statement("receipt", PAYLOAD, AuthPrivateKey.from_seed(b"a" * 32))


def test_a_kind_is_a_word() -> None:
    with pytest.raises(AssertionError):
        seal_statement("Receipt/2", PAYLOAD, KEY)
