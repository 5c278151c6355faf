"""The head of a transfer: round trip, one encoding, and only our errors on whatever lies on a medium."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.digest import Algorithm
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError
from protocol.limits import MAX_LOG_SIZE
from protocol.lists.grant import Grant
from protocol.subset.manifest import MAX_TIME_MS
from protocol.transfer import Transfer

NODES = st.sampled_from(["fr.example", "nl.example", "de.example"])
NAMES = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    node = draw(NODES)
    names = draw(st.sets(NAMES, max_size=5))
    return Transfer(
        node=node,
        peer=draw(NODES),
        time_ms=draw(st.integers(0, MAX_TIME_MS)),
        granted=draw(st.frozensets(st.integers(0, 2**16 - 1), max_size=5)),
        algorithms=draw(st.none() | st.frozensets(st.sampled_from([one for one in Algorithm if one]))),
        lists={f"{node}/lists/{name}": draw(st.integers(0, MAX_LOG_SIZE)) for name in names},
    )


@given(transfers())
def test_a_transfer_survives_its_encoding(transfer: Transfer) -> None:
    assert Transfer.from_bytes(transfer.to_bytes()) == transfer


@given(transfers(), st.data())
def test_what_is_accepted_is_the_one_encoding(transfer: Transfer, data: st.DataObject) -> None:
    encoded = bytearray(transfer.to_bytes())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedError):
        assert Transfer.from_bytes(bytes(encoded)).to_bytes() == bytes(encoded)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert Transfer.from_bytes(data).to_bytes() == data


GOOD: dict[int, CborValue] = {
    0: 1,
    1: "fr.example",
    2: "nl.example",
    3: 1_780_000_000_000,
    4: [1, 2],
    5: [["fr.example/lists/a", 1], ["fr.example/lists/b", 2]],
}
BAD: dict[str, dict[int, CborValue]] = {
    "another format": {0: 2},
    "no node name": {1: "FR example"},
    "no peer name": {2: ""},
    "a number for a name": {2: 7},
    "a time that no date has": {3: MAX_TIME_MS + 1},
    "collections out of order": {4: [2, 1]},
    "a collection twice": {4: [1, 1]},
    "a collection beyond 16 bits": {4: [2**16]},
    "lists out of order": {5: [["fr.example/lists/b", 1], ["fr.example/lists/a", 1]]},
    "a list twice": {5: [["fr.example/lists/a", 1], ["fr.example/lists/a", 2]]},
    "a list of another node": {5: [["nl.example/lists/a", 1]]},
    "a list without a size": {5: [["fr.example/lists/a"]]},
    "algorithms out of order": {6: [2, 1]},
    "a hidden algorithm": {6: [0]},
    "an unknown algorithm": {6: [max(Algorithm) + 1]},
    "no list of algorithms": {6: 1},
    "an unknown field": {7: 1},
}


def test_the_example_is_read() -> None:
    transfer = Transfer.from_bytes(encode_cbor(GOOD))
    assert transfer.lists["fr.example/lists/b"] == 2
    assert transfer.grant == Grant(collections=frozenset({1, 2}))


def test_the_grant_may_have_some_algorithms_only() -> None:
    some = Transfer.from_bytes(encode_cbor({**GOOD, 6: [1, 3]})).grant
    assert some == Grant(
        collections=frozenset({1, 2}), algorithms=frozenset({Algorithm.MD5, Algorithm.SHA256})
    )


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_breaks_a_rule_is_malformed(change: dict[int, CborValue]) -> None:
    with pytest.raises(MalformedError):
        Transfer.from_bytes(encode_cbor({**GOOD, **change}))


@pytest.mark.parametrize("missing", range(6))
def test_every_field_is_needed(missing: int) -> None:
    with pytest.raises(MalformedError):
        Transfer.from_bytes(encode_cbor({key: value for key, value in GOOD.items() if key != missing}))
