"""Acknowledgements, of lists and of trust files: one encoding, and nothing out of range."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.acknowledgement import Acknowledgement, TrustAcknowledgement
from protocol.encoding import encode_cbor
from protocol.errors import MalformedError, ProtocolError
from protocol.limits import MAX_LOG_SIZE

OF_LIST = Acknowledgement(
    node="nl.example",
    origin="fr.example/lists/main",
    time_ms=1_700_000_000_000,
    held_size=388,
    held_root=b"r" * 32,
    released_size=300,
)
OF_TRUST = TrustAcknowledgement(
    node="nl.example",
    of="fr.example",
    time_ms=1_700_000_000_000,
    root_version=2,
    serial=7,
    document_sha256=b"d" * 32,
)
Said = Acknowledgement | TrustAcknowledgement
both = pytest.mark.parametrize("said", [OF_LIST, OF_TRUST], ids=["list", "trust"])

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
NUMBERS = st.integers(1, 2**53 - 1)
HASHES = st.binary(min_size=32, max_size=32)


@given(NAMES, NAMES, st.integers(0, 2**53), st.integers(0, MAX_LOG_SIZE), HASHES, st.data())
def test_reads_what_it_writes_of_a_list(
    node: str, origin: str, time_ms: int, held: int, root: bytes, data: st.DataObject
) -> None:
    released = data.draw(st.none() | st.integers(0, held))
    said = Acknowledgement(
        node=node, origin=origin, time_ms=time_ms, held_size=held, held_root=root, released_size=released
    )
    assert Acknowledgement.from_bytes(said.to_bytes()) == said
    assert replace(said, time_ms=0).content() == said.content()


@given(NAMES, NAMES, NUMBERS, NUMBERS, NUMBERS, HASHES)
def test_reads_what_it_writes_of_trust_files(
    node: str, of: str, time_ms: int, root_version: int, serial: int, digest: bytes
) -> None:
    said = TrustAcknowledgement(
        node=node, of=of, time_ms=time_ms, root_version=root_version, serial=serial, document_sha256=digest
    )
    assert TrustAcknowledgement.from_bytes(said.to_bytes()) == said
    assert replace(said, time_ms=0).content() == said.content()


@both
@given(noise=st.binary(max_size=300) | st.integers(0, 200))
def test_whatever_is_accepted_is_canonical(said: Said, noise: bytes | int) -> None:
    data = noise if isinstance(noise, bytes) else _flipped(said.to_bytes(), noise)
    try:
        read = said.from_bytes(data)
    except ProtocolError:
        return
    assert read.to_bytes() == data


def _flipped(data: bytes, at: int) -> bytes:
    return bytes(byte ^ 1 if place == at % len(data) else byte for place, byte in enumerate(data))


OUT_OF_RANGE: list[tuple[Said, dict[str, object]]] = [
    (OF_LIST, {"node": ""}),
    (OF_LIST, {"node": "a\nb"}),
    (OF_LIST, {"time_ms": -1}),
    (OF_LIST, {"origin": "x" * 256}),
    (OF_LIST, {"time_ms": 2**53 + 1}),
    (OF_LIST, {"held_size": MAX_LOG_SIZE + 1}),
    (OF_LIST, {"held_size": -1, "released_size": None}),
    (OF_LIST, {"held_root": b"short"}),
    (OF_LIST, {"released_size": 389}),
    (OF_LIST, {"released_size": -1}),
    (OF_TRUST, {"node": ""}),
    (OF_TRUST, {"node": "a\nb"}),
    (OF_TRUST, {"time_ms": -1}),
    (OF_TRUST, {"of": "x" * 256}),
    (OF_TRUST, {"time_ms": 2**53}),
    (OF_TRUST, {"root_version": 0}),
    (OF_TRUST, {"serial": 0}),
    (OF_TRUST, {"serial": 2**53}),
    (OF_TRUST, {"document_sha256": b"short"}),
]


@pytest.mark.parametrize(("said", "changes"), OUT_OF_RANGE, ids=str)
def test_refuses_what_is_out_of_range(said: Said, changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        said.from_bytes(replace(said, **changes).to_bytes())  # type: ignore[arg-type]  # wrong on purpose


@both
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {1: 2},
        {1: 1, 2: "n", 3: "o", 4: 0, 5: 0, 6: bytes(32), 8: 1},
        {1: 1, 2: "n", 3: "o", 4: 0, 5: 1, 6: 1, 7: bytes(32), 8: 1},
    ],
    ids=str,
)
def test_refuses_other_maps(said: Said, fields: dict[int, int]) -> None:
    with pytest.raises(MalformedError):
        said.from_bytes(encode_cbor(fields))
