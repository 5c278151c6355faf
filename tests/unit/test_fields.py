"""Records as JSON objects: what is kept, what is read again, and what is refused."""

import json
from dataclasses import dataclass
from enum import StrEnum

import pytest

from node.fields import from_fields, to_fields
from protocol.errors import ProtocolError


class Colour(StrEnum):
    """An enumeration."""

    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A record in a record."""

    name: str
    of: "Inner | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """One field of each kind."""

    data: bytes
    size: int
    sure: bool
    parts: tuple[bytes, ...]
    inner: tuple[Inner, ...]
    colour: Colour | None
    later: int = 7


WHOLE = Outer(
    data=b"\xff\x00",
    size=3,
    sure=True,
    parts=(b"a", b""),
    inner=(Inner(name="x", of=Inner(name="y")),),
    colour=Colour.RED,
)
KEPT = {
    "data": "/wA=",
    "size": 3,
    "sure": True,
    "parts": ["YQ==", ""],
    "inner": [{"name": "x", "of": {"name": "y", "of": None}}],
    "colour": "red",
    "later": 7,
}


def test_a_record_is_an_object_and_the_object_that_record() -> None:
    text = json.dumps(to_fields(WHOLE))
    assert json.loads(text) == KEPT
    assert from_fields(Outer, json.loads(text)) == WHOLE


def test_fields_are_left_out_and_given() -> None:
    assert to_fields(WHOLE, "data", "parts", "inner", "sure", size="three") == {
        "size": "three",
        "colour": Colour.RED,
        "later": 7,
    }
    given = from_fields(Outer, {**KEPT, "size": "no number"}, size=4)
    assert given.size == 4


def test_what_an_earlier_version_did_not_know_has_its_default() -> None:
    older = {name: value for name, value in KEPT.items() if name != "later"}
    assert from_fields(Outer, older, "later") == WHOLE
    with pytest.raises(KeyError):
        from_fields(Outer, older)


@pytest.mark.parametrize(
    ("name", "value"),
    [("data", "?"), ("data", 3), ("size", "three"), ("parts", 3), ("inner", ["x"]), ("colour", "blue")],
)
def test_what_is_not_as_annotated_is_refused(name: str, value: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError, ProtocolError)):
        from_fields(Outer, {**KEPT, name: value})
