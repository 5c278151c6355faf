"""Gossip is read as it was written, has one encoding, and is bounded whatever comes."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.encoding import encode_cbor
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.gossip import FileKind, Gossip, GossipFile, GossipHead, is_name
from protocol.limits import (
    MAX_GOSSIP_BYTES,
    MAX_GOSSIP_EVIDENCE,
    MAX_GOSSIP_FILES,
    MAX_GOSSIP_LOGS,
    MAX_NOTE_BYTES,
)

NAMES = st.sampled_from(["a.example", "b.example", "fr.example", "nl.example"])
SHA = st.binary(min_size=32, max_size=32)
HEADS = st.builds(
    lambda node, name, note: GossipHead(f"{node}/lists/{name}", note), NAMES, NAMES, st.binary(min_size=1)
)
FILES = st.builds(GossipFile, NAMES, st.sampled_from(FileKind), SHA, st.integers(1, 2**53), SHA)
GOSSIP = st.builds(
    Gossip.of,
    st.lists(HEADS, unique_by=lambda one: one.origin),
    st.lists(FILES, unique_by=lambda one: (one.node, one.kind)),
    st.lists(SHA),
)


@given(GOSSIP)
def test_it_is_read_as_it_was_written(told: Gossip) -> None:
    assert Gossip.from_bytes(told.to_bytes()) == told


@given(st.binary(max_size=300))
def test_the_reader_is_total(data: bytes) -> None:
    with suppress(MalformedError):
        assert Gossip.from_bytes(data).to_bytes() == data


@given(GOSSIP, st.integers(0, 2000), st.integers(1, 255))
@settings(max_examples=200)
def test_an_altered_byte_is_refused_or_read_as_it_is(told: Gossip, at: int, mask: int) -> None:
    data = bytearray(told.to_bytes())
    data[at % len(data)] ^= mask
    with suppress(MalformedError):
        assert Gossip.from_bytes(bytes(data)).to_bytes() == data


HEAD = ["a.example/lists/m", b"note"]
FILE = ["a.example", 1, b"r" * 32, 1, b"s" * 32]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {0: 2, 1: [], 2: [], 3: []},
        {0: True, 1: [], 2: [], 3: []},
        {0: 1, 1: [], 2: [], 3: [], 4: 0},
        {0: 1, 1: [["a.example/lists/m", b""]], 2: [], 3: []},
        {0: 1, 1: [["a name", b"note"]], 2: [], 3: []},
        {0: 1, 1: [["a/lists/m", bytes(MAX_NOTE_BYTES + 1)]], 2: [], 3: []},
        {0: 1, 1: [HEAD, HEAD], 2: [], 3: []},
        {0: 1, 1: [7], 2: [], 3: []},
        {0: 1, 1: [], 2: [[*FILE[:1], 3, *FILE[2:]]], 3: []},
        {0: 1, 1: [], 2: [[*FILE[:1], True, *FILE[2:]]], 3: []},
        {0: 1, 1: [], 2: [[*FILE[:3], 0, *FILE[4:]]], 3: []},
        {0: 1, 1: [], 2: [["A NODE", *FILE[1:]]], 3: []},
        {0: 1, 1: [], 2: [FILE[:4]], 3: []},
        {0: 1, 1: [], 2: [FILE, FILE], 3: []},
        {0: 1, 1: [], 2: [[*FILE[:4], b"short"]], 3: []},
        {0: 1, 1: [], 2: [], 3: [b"b" * 32, b"a" * 32]},
        {0: 1, 1: [], 2: [], 3: [b"a" * 31]},
        {0: 1, 1: [], 2: [], 3: [bytes([at]) * 32 for at in range(MAX_GOSSIP_EVIDENCE + 1)]},
    ],
    ids=lambda _: "",
)
def test_no_gossip(fields: dict[int, object]) -> None:
    with pytest.raises(MalformedError):
        Gossip.from_bytes(encode_cbor(fields))  # type: ignore[arg-type]  # the table is of all values


def test_the_order_is_one() -> None:
    told = Gossip(evidence=(b"b" * 32, b"a" * 32))
    with pytest.raises(NotCanonicalError):
        Gossip.from_bytes(told.to_bytes())


def test_what_is_told_is_cut_to_what_is_read() -> None:
    heads = [GossipHead(f"n{at:05}.example/lists/m", b"n" * 20_000) for at in range(1000)]
    files = [GossipFile(f"n{at:05}.example", FileKind.NODE, b"r" * 32, 1, b"s" * 32) for at in range(1000)]
    evidence = [at.to_bytes(32) for at in range(1000)]
    told = Gossip.of(heads, files, evidence)
    assert 0 < len(told.heads) < MAX_GOSSIP_LOGS
    assert (len(told.files), len(told.evidence)) == (MAX_GOSSIP_FILES, MAX_GOSSIP_EVIDENCE)
    assert len(told.to_bytes()) <= MAX_GOSSIP_BYTES
    assert Gossip.from_bytes(told.to_bytes()) == told


@pytest.mark.parametrize("note", [b"n", b"n" * MAX_NOTE_BYTES], ids=["many logs", "long notes"])
def test_who_has_many_logs_does_not_crowd_out_the_others(note: bytes) -> None:
    crowd = [GossipHead(f"aa.example/lists/l{at:05}", note) for at in range(1000)]
    others = [GossipHead(f"{name}.example/lists/m", b"n") for name in ("fr", "nl", "zz")]
    told = Gossip.of([*crowd, *others], [], [])
    assert set(others) < set(told.heads)
    assert Gossip.from_bytes(told.to_bytes()) == told


def test_the_most_that_is_told_is_within_the_items_of_one_value() -> None:
    heads = [GossipHead(f"n{at:05}.example/lists/m", b"n") for at in range(MAX_GOSSIP_LOGS)]
    files = [GossipFile(f"n{at:05}.example", FileKind.NODE, b"r" * 32, 1, b"s" * 32) for at in range(600)]
    told = Gossip.of(heads, files, [at.to_bytes(32) for at in range(200)])
    assert Gossip.from_bytes(told.to_bytes()).heads == tuple(heads)


def test_too_long_is_refused_unread() -> None:
    with pytest.raises(TooLargeError):
        Gossip.from_bytes(bytes(MAX_GOSSIP_BYTES + 1))


@pytest.mark.parametrize(
    ("text", "good"), [("a" * 64, True), ("A" * 64, False), ("a" * 63, False), ("a" * 64 + "\n", False)]
)
def test_names(text: str, good: bool) -> None:
    assert is_name(text) is good
