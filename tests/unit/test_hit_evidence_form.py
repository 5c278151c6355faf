"""The form of evidence of a hit: what is no such file is refused before anything in it is believed."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keys.key import StatementPrivateKey
from keys.trust.statement import open_statement
from protocol.encoding import decode_cbor, encode_cbor
from protocol.errors import MalformedError
from protocol.hit_evidence.bundle import SEAL_KIND, is_hit_evidence, read_bundle
from protocol.limits import MAX_TRUST_BYTES

RECORDED = json.loads((Path(__file__).parents[1] / "vectors" / "hit_evidence.json").read_text("utf-8"))
DATA = b64decode("".join(RECORDED["evidence"]))


def altered(change: Callable[[dict[int, Any]], object]) -> bytes:
    fields: dict[int, Any] = dict(decode_cbor(DATA, max_bytes=len(DATA)))
    change(fields)
    return encode_cbor(fields)


def test_the_recorded_file_has_the_form() -> None:
    assert is_hit_evidence(DATA)
    assert altered(lambda fields: None) == DATA
    evidence, _ = read_bundle(DATA)
    assert len(evidence.sources) == 2


def test_what_is_signed_is_read_with_a_seal_over_all_of_it() -> None:
    key = StatementPrivateKey.from_seed(b"s" * 32)
    evidence, _ = read_bundle(DATA)
    data = evidence.signed(key)
    again, seal = read_bundle(data)
    assert again == evidence
    assert open_statement(seal, SEAL_KIND, (key.public,)) == evidence.seal_payload()
    assert {
        place: value for place, value in decode_cbor(data, max_bytes=len(data)).items() if place != 11
    } == {place: value for place, value in decode_cbor(DATA, max_bytes=len(DATA)).items() if place != 11}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fields: fields.update({0: 2}), "out of range|not"),
        (lambda fields: fields.update({2: fields[2] * 257}), "more than 256 roots of one node"),
        (lambda fields: fields.update({2: ["1.root.json"]}), "not at most"),
        (lambda fields: fields.update({3: "node.json"}), "not at most"),
        (lambda fields: fields.update({3: bytes(MAX_TRUST_BYTES + 1)}), "not at most"),
        (lambda fields: fields.update({10: fields[10] * 3}), "more than 4 sources"),
        (lambda fields: fields[10].__setitem__(0, fields[10][0][:5]), "not an array of 6 parts"),
        (lambda fields: fields[10][0].__setitem__(0, fields[10][0][0] * 257), "more than 256 roots"),
        (lambda fields: fields[10][0].__setitem__(0, fields[10][0][0][0]), "array"),
        (lambda fields: fields[10][0].__setitem__(5, [bytes(32)] * 65), "more than 64 hashes"),
        (lambda fields: fields.update({12: 0}), "12|unknown|more"),
    ],
)
def test_another_form_is_refused(change: Callable[[dict[int, Any]], object], message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        read_bundle(altered(change))
