"""Strict JSON: what a field may be, and that refusals name the place and not the content."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from keys.encoding import Fields, b64, b64u, dump, format_time, load, unb64, unb64u
from keys.errors import MalformedKeyFileError, MalformedTrustError

SECRET = "c2VjcmV0"


def fields(value: object) -> Fields:
    return Fields({"x": value}, where="document", error=MalformedTrustError)


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", None),
        ("text", ""),
        ("text", 7),
        ("text", "caf\u00e9"),
        ("text", "two\nlines"),
        ("text", "\ud800"),
        ("text", "x" * 2049),
        ("integer", None),
        ("integer", -1),
        ("integer", 2**53),
        ("integer", 1.0),
        ("integer", True),
        ("integer", "1"),
        ("integers", None),
        ("integers", [1, "1"]),
        ("nested_list", {}),
        ("nested_list", [1]),
        ("nested_list", [{}] * 257),
        ("nested", []),
        ("nested", None),
        ("base64", None),
        ("base64", "AA=" + SECRET),
        ("base64", "A" * 2052),
        ("base64url", "AAAA"),
        ("base64url", SECRET + "="),
        ("sha256", None),
        ("sha256", "a" * 63),
        ("sha256", "A" * 64),
        ("sha256", "g" * 64),
        ("sha256s", "a" * 64),
        ("sha256s", [7]),
        ("time", "2026-11-24"),
        ("time", "2026-11-24T00:00:00+00:00"),
        ("time", "2026-11-24T00:00:00.0Z"),
        ("time", "2026-02-30T00:00:00Z"),
        ("time", "2026-11-24T24:00:00Z"),
        ("time", "2026-11-24T23:59:60Z"),
        ("time", "0000-11-24T00:00:00Z"),
        ("time", "2026-11-24T00:00:00z"),
        ("time", "\u0662026-11-24T00:00:00Z"),
    ],
)
def test_a_field_of_another_kind_is_refused(method: str, value: object) -> None:
    with pytest.raises(MalformedTrustError) as caught:
        getattr(fields(value), method)("x")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "value", "read"),
    [
        ("text", "~ text", "~ text"),
        ("integer", 2**53 - 1, 2**53 - 1),
        ("integers", [0, 7], [0, 7]),
        ("base64", "", b""),
        ("base64", "AAE=", b"\0\1"),
        ("base64url", "_" * 42 + "8", b"\xff" * 32),
        ("sha256", "0a" * 32, b"\x0a" * 32),
        ("sha256s", ["0a" * 32], (b"\x0a" * 32,)),
        ("time", "2028-02-29T23:59:59Z", datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("absent", None, True),
        ("absent", 0, False),
    ],
)
def test_a_field_is_read(method: str, value: object, read: object) -> None:
    assert getattr(fields(value), method)("x") == read


def test_a_missing_field_is_refused_and_absent() -> None:
    assert fields(1).absent("y")
    with pytest.raises(MalformedTrustError, match="document: y is not"):
        fields(1).text("y")


def test_places_of_nested_fields_are_named() -> None:
    with pytest.raises(MalformedTrustError, match="document: x: y is not"):
        fields({"y": 1}).nested("x").text("y")
    with pytest.raises(MalformedTrustError, match="document: x: y is not"):
        fields([{"y": 1}]).nested_list("x")[0].text("y")


def test_only_known_names() -> None:
    fields(1).only("x", "y")
    with pytest.raises(MalformedTrustError, match="unknown name"):
        fields(1).only("y")


def test_a_field_given_twice_is_refused_at_any_depth() -> None:
    for text in (b'{"a":1,"a":1}', b'{"a":[{"b":1,"b":2}]}'):
        with pytest.raises(MalformedKeyFileError, match="appears twice"):
            load(text, max_bytes=100, where="document", error=MalformedKeyFileError)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="open"),
        pytest.param(b"{}x", id="more"),
        pytest.param(b"\xef\xbb\xbf{}", id="BOM"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b'{"a":' * 20_000, id="deep"),
        pytest.param(b"9" * 5000, id="huge number"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"[]", id="array"),
        pytest.param(b" " * 200_001, id="long"),
    ],
)
def test_other_documents_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedTrustError):
        load(data, max_bytes=200_000, where="document", error=MalformedTrustError)


def test_written_json_is_sorted_compact_and_ascii() -> None:
    value: dict[str, Any] = {"b": [1, None], "a": "\u00e9"}
    assert dump(value) == b'{"a":"\\u00e9","b":[1,null]}'


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAE", "AAF=", "AA==\n", "A A=", "AA==AA==", "\u00e9A==", "-_-_"]
)
def test_other_base64_is_refused(text: str) -> None:
    with pytest.raises(MalformedTrustError):
        unb64(text, error=MalformedTrustError)


@pytest.mark.parametrize("text", ["A", "AB", "AAE=", "AA==", "AA\n", "A A", "+/+/", "\u00e9A"])
def test_other_base64url_is_refused(text: str) -> None:
    with pytest.raises(MalformedTrustError):
        unb64u(text, error=MalformedTrustError)


@pytest.mark.parametrize("data", [b"", b"\0", b"\xfb\xff", b"abc"])
def test_base64_round_trip(data: bytes) -> None:
    assert unb64(b64(data), error=MalformedTrustError) == data
    assert unb64u(b64u(data), error=MalformedTrustError) == data


def test_times_are_written_in_utc() -> None:
    eastern = timezone(timedelta(hours=2))
    assert format_time(datetime(2026, 11, 24, 1, tzinfo=eastern)) == "2026-11-23T23:00:00Z"
    assert format_time(datetime(999, 1, 1, tzinfo=UTC)) == "0999-01-01T00:00:00Z"
    with pytest.raises(AssertionError):
        format_time(datetime(2026, 11, 24, tzinfo=UTC).replace(tzinfo=None))
