import json
from pathlib import Path
from typing import Any

import pytest

from protocol.digest import Algorithm
from protocol.errors import MalformedError
from protocol.lists.event import (
    BASELINE,
    OTHER,
    PRIVATE_FROM,
    SHRED,
    Event,
    Header,
    Op,
    collection_name,
    collection_number,
)
from protocol.lists.opening import Opening, check_opening, commitment, origin_hash
from protocol.tlog.merkle import leaf_hash

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "event.json").read_text("utf-8"))
EVENTS: list[dict[str, Any]] = VECTORS["events"]
ADD = Header(op=Op.ADD, collection=BASELINE, algorithm=Algorithm.MD5, time_ms=1_700_000_000_000)


@pytest.mark.parametrize("case", EVENTS, ids=lambda case: str(case["name"]))
def test_vectors(case: dict[str, Any]) -> None:
    header = Header(**case["header"])
    opening = Opening.from_bytes(bytes.fromhex(case["opening"]))
    check_opening(header, opening)
    assert opening.to_bytes().hex() == case["opening"]
    assert header.to_bytes().hex() == case["header_bytes"]
    assert origin_hash(VECTORS["origin"]).hex() == VECTORS["origin_hash"]
    sealed = commitment(bytes.fromhex(VECTORS["origin_hash"]), header.to_bytes(), opening.to_bytes())
    event = Event(header, sealed)
    assert event.to_bytes().hex() == case["event"]
    assert Event.from_bytes(event.to_bytes()) == event
    assert leaf_hash(event.to_bytes()).hex() == case["leaf_hash"]


def test_the_vectors_show_every_op_and_ext_key() -> None:
    assert {case["header"]["op"] for case in EVENTS} == set(Op)
    keys = {key for case in EVENTS for key in case["ext_keys"]}
    assert keys >= set(range(1, 11))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(ADD.to_bytes()[:-1], id="short"),
        pytest.param(ADD.to_bytes() + b"\0", id="long"),
        pytest.param(b"\0" + ADD.to_bytes()[1:], id="version 0"),
        pytest.param(b"\2" + ADD.to_bytes()[1:], id="version 2"),
        pytest.param(ADD.to_bytes()[:6] + b"\1\0" + ADD.to_bytes()[8:], id="reserved high"),
        pytest.param(ADD.to_bytes()[:6] + b"\0\1" + ADD.to_bytes()[8:], id="reserved low"),
    ],
)
def test_malformed_headers_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        Header.from_bytes(data)


@pytest.mark.parametrize("size", [0, 24, 55, 57])
def test_an_event_has_56_bytes(size: int) -> None:
    with pytest.raises(MalformedError, match="56"):
        Event.from_bytes(ADD.to_bytes()[:1] + bytes(max(size - 1, 0)))


@pytest.mark.parametrize(
    ("header", "known", "shreds"),
    [
        (ADD, True, False),
        (Header(op=Op.WITHDRAW, collection=1, flags=SHRED, time_ms=0), True, True),
        (Header(op=Op.WITHDRAW, collection=1, flags=SHRED | 2, time_ms=0), False, False),
        (Header(op=Op.ADD, collection=1, flags=128, time_ms=0), False, False),
        (Header(op=0, collection=1, time_ms=0), False, False),
        (Header(op=7, collection=1, time_ms=0), False, False),
        (Header(op=255, collection=1, flags=SHRED, time_ms=0), False, False),
        (Header(op=Op.ADD, collection=1, algorithm=6, time_ms=0), False, False),
    ],
)
def test_unknown_ops_flags_and_algorithms_are_kept(header: Header, known: bool, shreds: bool) -> None:
    assert Header.from_bytes(header.to_bytes()) == header
    assert header.known is known
    assert header.shreds is shreds


@pytest.mark.parametrize(
    ("text", "number"),
    [("baseline", BASELINE), ("other", OTHER), ("1", 1), ("7", 7), ("1024", PRIVATE_FROM), ("65535", 65535)],
)
def test_collections_have_names_and_numbers(text: str, number: int) -> None:
    assert collection_number(text) == number
    assert collection_number(collection_name(number)) == number


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "-1", "baselin", "Baseline", "1.0", "\u0663", "100000", " 1"]
)
def test_other_collections_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        collection_number(text)
