"""Records of an audit log: one encoding, and nothing in them that is not what it says."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.audit import MAX_DETAILS, MAX_RECORD_BYTES, MAX_TEXT, AuditRecord
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError, ProtocolError

RECORD = AuditRecord(
    time_ms=1_800_000_000_000,
    actor="a.martin",
    action="peer.grant",
    subject="nl.example",
    outcome="ok",
    details={"grant": "baseline"},
    nonce=bytes(range(16)),
)
FIELDS: dict[int, CborValue] = {
    0: 1,
    1: 1_800_000_000_000,
    2: "a.martin",
    3: "peer.grant",
    4: "nl.example",
    5: "ok",
    6: [["grant", "baseline"]],
    7: bytes(range(16)),
}

texts = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=40)
records = st.builds(
    AuditRecord,
    time_ms=st.integers(0, 2**53 - 1),
    actor=st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?", fullmatch=True),
    action=st.from_regex(r"[a-z]{1,8}\.[a-z-]{0,8}[a-z]", fullmatch=True).filter(lambda a: ".-" not in a),
    subject=texts,
    outcome=st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True),
    details=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True), texts, max_size=5),
    nonce=st.binary(min_size=16, max_size=16),
)


def test_the_encoding_is_the_one_of_the_spec() -> None:
    assert RECORD.to_bytes() == encode_cbor(FIELDS)
    assert RECORD.to_bytes().hex() == (
        "a80001011b000001a3185c50000268612e6d617274696e036a706565722e6772616e74046a6e6c2e6578616d706c65"
        "05626f6b068182656772616e7468626173656c696e650750000102030405060708090a0b0c0d0e0f"
    )


@given(records)
def test_round_trip(record: AuditRecord) -> None:
    assert AuditRecord.from_bytes(record.to_bytes()) == record


@given(st.binary(max_size=200))
def test_only_our_errors_escape(data: bytes) -> None:
    try:
        record = AuditRecord.from_bytes(data)
    except ProtocolError:
        return
    assert record.to_bytes() == data


@given(records, st.data())
def test_what_is_accepted_has_one_encoding(record: AuditRecord, data: st.DataObject) -> None:
    changed = bytearray(record.to_bytes())
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        read = AuditRecord.from_bytes(bytes(changed))
    except ProtocolError:
        return
    assert read.to_bytes() == bytes(changed)


@pytest.mark.parametrize(
    "change",
    [
        {"time_ms": -1},
        {"time_ms": 2**53},
        {"actor": ""},
        {"actor": "Alice"},
        {"actor": "a b"},
        {"action": "grant"},
        {"action": "peer.grant.more"},
        {"action": "Peer.grant"},
        {"outcome": ""},
        {"outcome": "not ok"},
        {"subject": "two\nlines"},
        {"subject": "x" * (MAX_TEXT + 1)},
        {"subject": "\ud800"},
        {"nonce": bytes(15)},
        {"details": {"A": "x"}},
        {"details": {"a": "\x1b[2J"}},
        {"details": {f"a{number}": "" for number in range(MAX_DETAILS + 1)}},
        {"details": {f"a{number}": "é" * MAX_TEXT for number in range(MAX_RECORD_BYTES // MAX_TEXT)}},
    ],
    ids=str,
)
def test_refused_values(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        replace(RECORD, **change)


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},
        {0: True},
        {1: "now"},
        {1: True},
        {2: 7},
        {6: "none"},
        {6: [["a"]]},
        {6: ["ab"]},
        {6: [["a", 1]]},
        {6: [["b", ""], ["a", ""]]},
        {6: [["a", ""], ["a", ""]]},
        {7: "0123456789abcdef"},
        {8: 0},
    ],
    ids=str,
)
def test_refused_fields(change: dict[int, CborValue]) -> None:
    with pytest.raises(MalformedError):
        AuditRecord.from_bytes(encode_cbor({**FIELDS, **change}))
