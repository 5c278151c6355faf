"""Acknowledgements of trust files: one encoding, and nothing out of range."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import encode_cbor
from protocol.errors import MalformedError, ProtocolError
from protocol.trust_acknowledgement import TrustAcknowledgement

SAID = TrustAcknowledgement(
    node="nl.example",
    of="fr.example",
    time_ms=1_700_000_000_000,
    root_version=2,
    serial=7,
    document_sha256=b"d" * 32,
)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
NUMBERS = st.integers(1, 2**53 - 1)


@given(NAMES, NAMES, NUMBERS, NUMBERS, NUMBERS, st.binary(min_size=32, max_size=32))
def test_reads_what_it_writes(
    node: str, of: str, time_ms: int, root_version: int, serial: int, digest: bytes
) -> None:
    said = TrustAcknowledgement(
        node=node, of=of, time_ms=time_ms, root_version=root_version, serial=serial, document_sha256=digest
    )
    assert TrustAcknowledgement.from_bytes(said.to_bytes()) == said
    assert replace(said, time_ms=0).content() == said.content()


@given(st.binary(max_size=300) | st.integers(0, 200).map(lambda at: _flipped(SAID.to_bytes(), at)))
def test_whatever_is_accepted_is_canonical(data: bytes) -> None:
    try:
        said = TrustAcknowledgement.from_bytes(data)
    except ProtocolError:
        return
    assert said.to_bytes() == data


def _flipped(data: bytes, at: int) -> bytes:
    return bytes(byte ^ 1 if place == at % len(data) else byte for place, byte in enumerate(data))


@pytest.mark.parametrize(
    "changes",
    [
        {"node": ""},
        {"node": "a\nb"},
        {"of": "x" * 256},
        {"time_ms": -1},
        {"time_ms": 2**53},
        {"root_version": 0},
        {"serial": 0},
        {"serial": 2**53},
        {"document_sha256": b"short"},
    ],
    ids=str,
)
def test_refuses_what_is_out_of_range(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        TrustAcknowledgement.from_bytes(replace(SAID, **changes).to_bytes())  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "fields", [{}, {1: 2}, {1: 1, 2: "n", 3: "o", 4: 0, 5: 1, 6: 1, 7: bytes(32), 8: 1}], ids=str
)
def test_refuses_other_maps(fields: dict[int, int]) -> None:
    with pytest.raises(MalformedError):
        TrustAcknowledgement.from_bytes(encode_cbor(fields))
