"""Disclosed look-ups: the bytes of the specification page, whatever is written is read, and nothing else is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError
from protocol.limits import MAX_DISCLOSED_BYTES, MAX_DISCLOSED_REPLY_BYTES, MAX_DISCLOSED_VALUES, MAX_LOG_SIZE
from protocol.statement.disclosed_lookup import DisclosedQuery, DisclosedReply, open_reply, require_content
from support.lists import digest

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "disclosed.json").read_text("utf-8"))
QUERY, REPLY = (bytes.fromhex(VECTORS["messages"][name]) for name in ("query", "reply"))
SUBSET_ID = bytes(range(16, 32))

VALUES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=MAX_DISCLOSED_VALUES, unique=True)
QUERIES = VALUES.map(
    lambda found: DisclosedQuery(
        subset_id=SUBSET_ID, values=tuple(Digest(Algorithm.PDQ, value) for value in sorted(found))
    )
)


def test_the_vectors_are_read_and_written() -> None:
    query = DisclosedQuery.from_bytes(QUERY)
    names = ("a made-up picture", "another", "a third")
    assert query.values == tuple(sorted(digest(name, Algorithm.PDQ) for name in names))
    assert query.to_bytes() == QUERY
    reply = open_reply(REPLY, query)
    assert reply == DisclosedReply(version=14, collections=(0, 1, 0))
    assert reply.to_bytes() == REPLY


@given(QUERIES, st.integers(1, MAX_LOG_SIZE), st.data())
def test_what_is_written_is_read_and_within_bounds(
    query: DisclosedQuery, version: int, data: st.DataObject
) -> None:
    body = query.to_bytes()
    assert len(body) <= MAX_DISCLOSED_BYTES
    assert DisclosedQuery.from_bytes(body) == query
    told = data.draw(st.tuples(*(st.integers(0, 4) for _ in query.values)))
    reply = DisclosedReply(version=version, collections=told)
    assert len(reply.to_bytes()) <= MAX_DISCLOSED_REPLY_BYTES
    assert open_reply(reply.to_bytes(), query) == reply


@pytest.mark.threat("disclosed values kept")
def test_no_text_of_it_shows_a_value() -> None:
    query = DisclosedQuery.from_bytes(QUERY)
    assert query.values[0].value.hex() not in repr(query)


def test_only_values_of_pictures_are_shown() -> None:
    with pytest.raises(MalformedError):
        DisclosedQuery(subset_id=SUBSET_ID, values=(digest("a made-up file", Algorithm.SHA256),))


Change = Callable[[dict[int, Any]], object]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda fields: fields.update({0: 2}), id="another format"),
        pytest.param(lambda fields: fields.update({3: 0}), id="an unknown field"),
        pytest.param(lambda fields: fields.pop(2), id="no values"),
        pytest.param(lambda fields: fields[2].clear(), id="an empty array"),
        pytest.param(lambda fields: fields[2].reverse(), id="not in order"),
        pytest.param(lambda fields: fields[2].insert(0, fields[2][0]), id="twice the same"),
        pytest.param(lambda fields: fields[2].append(b"\xff" * 31), id="too short a value"),
        pytest.param(lambda fields: fields[2].append(b"\xff" * 144), id="a PhotoDNA value"),
        pytest.param(
            lambda fields: fields.update({2: [n.to_bytes(32) for n in range(MAX_DISCLOSED_VALUES + 1)]}),
            id="too many",
        ),
        pytest.param(lambda fields: fields.update({1: b""}), id="no subset"),
    ],
)
def test_queries_that_are_none(change: Change) -> None:
    fields = cbor2.loads(QUERY)
    change(fields)
    with pytest.raises(MalformedError):
        DisclosedQuery.from_bytes(cbor2.dumps(fields, canonical=True))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda fields: fields.update({0: 2}), id="another format"),
        pytest.param(lambda fields: fields.update({1: 0}), id="no release"),
        pytest.param(lambda fields: fields[2].pop(), id="an answer too few"),
        pytest.param(lambda fields: fields[2].append(0), id="an answer too many"),
        pytest.param(lambda fields: fields.update({2: [0, 1, 2**15]}), id="a private collection"),
        pytest.param(lambda fields: fields.update({2: [0, True, 0]}), id="no number"),
        pytest.param(lambda fields: fields.update({3: [3, 4, 5]}), id="distances"),
    ],
)
def test_replies_that_are_none(change: Change) -> None:
    fields = cbor2.loads(REPLY)
    change(fields)
    with pytest.raises(MalformedError):
        open_reply(cbor2.dumps(fields, canonical=True), DisclosedQuery.from_bytes(QUERY))


def test_values_without_content_are_told_apart() -> None:
    require_content(DisclosedQuery.from_bytes(QUERY))
    flat = DisclosedQuery(subset_id=SUBSET_ID, values=(Digest(Algorithm.PDQ, bytes(32)),))
    with pytest.raises(MalformedError, match="value 1 of a disclosed look-up"):
        require_content(flat)
