"""Acknowledgements: one encoding, and nothing out of range."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.acknowledgement import Acknowledgement
from protocol.encoding import encode_cbor
from protocol.errors import MalformedError, ProtocolError
from protocol.limits import MAX_LOG_SIZE

SAID = Acknowledgement(
    node="nl.example",
    origin="fr.example/lists/main",
    time_ms=1_700_000_000_000,
    held_size=388,
    held_root=b"r" * 32,
    released_size=300,
)

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


@given(
    NAMES,
    NAMES,
    st.integers(0, 2**53),
    st.integers(0, MAX_LOG_SIZE),
    st.binary(min_size=32, max_size=32),
    st.data(),
)
def test_reads_what_it_writes(
    node: str, origin: str, time_ms: int, held: int, root: bytes, data: st.DataObject
) -> None:
    released = data.draw(st.none() | st.integers(0, held))
    said = Acknowledgement(
        node=node, origin=origin, time_ms=time_ms, held_size=held, held_root=root, released_size=released
    )
    assert Acknowledgement.from_bytes(said.to_bytes()) == said
    assert replace(said, time_ms=0).content() == said.content()


@given(st.binary(max_size=300) | st.integers(0, 200).map(lambda at: _flipped(SAID.to_bytes(), at)))
def test_whatever_is_accepted_is_canonical(data: bytes) -> None:
    try:
        said = Acknowledgement.from_bytes(data)
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
        {"origin": "x" * 256},
        {"time_ms": -1},
        {"time_ms": 2**53 + 1},
        {"held_size": MAX_LOG_SIZE + 1},
        {"held_size": -1, "released_size": None},
        {"held_root": b"short"},
        {"released_size": 389},
        {"released_size": -1},
    ],
    ids=str,
)
def test_refuses_what_is_out_of_range(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        Acknowledgement.from_bytes(replace(SAID, **changes).to_bytes())  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "fields", [{}, {1: 2}, {1: 1, 2: "n", 3: "o", 4: 0, 5: 0, 6: bytes(32), 8: 1}], ids=str
)
def test_refuses_other_maps(fields: dict[int, int]) -> None:
    with pytest.raises(MalformedError):
        Acknowledgement.from_bytes(encode_cbor(fields))
