import math
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from protocol.encoding import CborValue, b64, decode_cbor, encode_cbor, parse_decimal, unb64
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.limits import MAX_CBOR_DEPTH, MAX_CBOR_ITEMS

# RFC 8949 appendix A, those of its examples that are in the profile, each as the value of key 0.
RFC8949 = [
    (0, "00"),
    (1, "01"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (25, "1819"),
    (100, "1864"),
    (1000, "1903e8"),
    (1000000, "1a000f4240"),
    (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"),
    (-10, "29"),
    (-100, "3863"),
    (-1000, "3903e7"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("a", "6161"),
    ("IETF", "6449455446"),
    ('"\\', "62225c"),
    ("\u00fc", "62c3bc"),
    ("\u6c34", "63e6b0b4"),
    ("\U00010151", "64f0908591"),
    ([], "80"),
    ([1, 2, 3], "83010203"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"),
]
# The remaining examples of appendix A, and what RFC 8949 section 4.2.1 forbids: (encoding of the value of key 0).
REFUSED = {
    "bignum": "c249010000000000000000",
    "negative bignum": "c349010000000000000000",
    "float 0.0": "f90000",
    "float 1.1": "fb3ff199999999999a",
    "float 100000.0": "fa47c35000",
    "infinity": "f97c00",
    "NaN": "f97e00",
    "undefined": "f7",
    "simple 16": "f0",
    "simple 255": "f8ff",
    "false in two bytes": "f814",
    "date tag": "c074323031332d30332d32315432303a30343a30305a",
    "epoch tag": "c11a514b67b0",
    "uri tag": "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
    "self-described": "d9d9f700",
    "text key": "a161610a",
    "negative key": "a12000",
    "bytes key": "a1410000",
    "indefinite bytes": "5f42010243030405ff",
    "indefinite text": "7f657374726561646d696e67ff",
    "indefinite array": "9fff",
    "indefinite map": "bf0102ff",
    "break": "ff",
    "reserved length 28": "1c",
    "reserved length 30": "5e",
    "0 in two bytes": "1800",
    "23 in two bytes": "1817",
    "24 in three bytes": "190018",
    "255 in three bytes": "1900ff",
    "65535 in five bytes": "1a0000ffff",
    "2^32 - 1 in nine bytes": "1b00000000ffffffff",
    "-1 in two bytes": "3800",
    "length in two bytes": "5801ff",
    "array length in two bytes": "9800",
    "map length in two bytes": "b800",
    "keys out of order": "a203000100",
    "repeated key": "a201000100",
    "key in two bytes": "a1180000",
    "text not UTF-8": "61ff",
    "text of a surrogate": "63eda080",
    "text over-long": "62c080",
    "truncated head": "19",
    "truncated argument": "1901",
    "truncated bytes": "42ff",
    "truncated array": "8201",
    "truncated map": "a101",
    "array of 2^63": "9b7fffffffffffffff",
    "bytes of 2^64 - 1": "5bffffffffffffffff",
    "nothing": "",
    "bytes behind": "0000",
}


@pytest.mark.parametrize(("value", "text"), RFC8949, ids=[text for _, text in RFC8949])
def test_examples_of_rfc8949(value: CborValue, text: str) -> None:
    data = b"\xa1\x00" + bytes.fromhex(text)
    assert encode_cbor({0: value}) == data
    assert decode_cbor(data, max_bytes=len(data)) == {0: value}
    assert cbor2.loads(data) == {0: value}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_everything_outside_the_profile_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        decode_cbor(b"\xa1\x00" + bytes.fromhex(text), max_bytes=1000)


@pytest.mark.parametrize("text", ["", "00", "80", "f6", "40", "a1", "a100", "a0a0"])
def test_only_one_whole_map_is_a_message(text: str) -> None:
    with pytest.raises(MalformedError):
        decode_cbor(bytes.fromhex(text), max_bytes=1000)


def test_booleans_are_not_integers() -> None:
    decoded = decode_cbor(encode_cbor({1: True, 2: 1}), max_bytes=100)
    assert (decoded[1] is True, type(decoded[2])) == (True, int)


def test_keys_are_sorted_by_value() -> None:
    assert encode_cbor({300: 0, 24: 0, 5: 0, 0: 0}).hex() == "a4" + "0000" + "0500" + "181800" + "19012c00"


def test_size_is_bounded_before_reading() -> None:
    with pytest.raises(TooLargeError):
        decode_cbor(b"\xff" * 11, max_bytes=10)


def test_depth_is_bounded() -> None:
    def nested(levels: int) -> bytes:
        return b"\xa1\x00" + b"\x81" * (levels - 1) + b"\x00"

    decode_cbor(nested(MAX_CBOR_DEPTH), max_bytes=1000)
    for deeper in (MAX_CBOR_DEPTH + 1, 900):
        with pytest.raises(TooLargeError):
            decode_cbor(nested(deeper), max_bytes=1000)


def test_items_are_bounded() -> None:
    most = MAX_CBOR_ITEMS - 3  # the map, its key and the array
    decode_cbor(encode_cbor({0: [0] * most}), max_bytes=10_000)
    with pytest.raises(TooLargeError):
        decode_cbor(encode_cbor({0: [0] * (most + 1)}), max_bytes=10_000)


@pytest.mark.parametrize(
    "value",
    [{0: 1.5}, {0: math.nan}, {0: {1, 2}}, {-1: 0}, {True: 0}, {0: bytearray(b"a")}],
    ids=["float", "nan", "set", "negative key", "boolean key", "bytearray"],
)
def test_encoding_another_value_is_a_programming_mistake(value: Any) -> None:
    with pytest.raises(TypeError):
        encode_cbor(value)


@pytest.mark.parametrize("value", [2**64, -(2**64) - 1])
def test_encoding_more_than_64_bits_is_a_programming_mistake(value: int) -> None:
    with pytest.raises(AssertionError):
        encode_cbor({0: value})


# RFC 4648 section 10.
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"f", "Zg=="),
        (b"fo", "Zm8="),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg=="),
        (b"fooba", "Zm9vYmE="),
        (b"foobar", "Zm9vYmFy"),
    ],
)
def test_base64_vectors_of_rfc4648(data: bytes, text: str) -> None:
    assert b64(data) == text
    assert unb64(text) == data


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Zh==", NotCanonicalError),
        ("Zm9=", NotCanonicalError),
        ("Zg", MalformedError),
        ("Zg=", MalformedError),
        ("Zg===", MalformedError),
        ("Z", MalformedError),
        ("=", MalformedError),
        ("====", MalformedError),
        ("Zm9v\n", MalformedError),
        (" Zm9v", MalformedError),
        ("Zm 9v", MalformedError),
        ("Zm-_", MalformedError),
        ("Zg==Zg==", MalformedError),
        ("Zm9v\u0661", MalformedError),
        ("Zm9v\ud800", MalformedError),
    ],
)
def test_other_base64_is_refused(text: str, error: type[MalformedError]) -> None:
    with pytest.raises(error):
        unb64(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("10", 10), ("281474976710656", 2**48)])
def test_decimals(text: str, value: int) -> None:
    assert parse_decimal(text, 2**48) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", MalformedError),
        ("00", NotCanonicalError),
        ("01", NotCanonicalError),
        ("-1", MalformedError),
        ("+1", MalformedError),
        (" 1", MalformedError),
        ("1 ", MalformedError),
        ("1\n", MalformedError),
        ("1_0", MalformedError),
        ("1.0", MalformedError),
        ("1e3", MalformedError),
        ("0x1", MalformedError),
        ("\u0661", MalformedError),
        ("\u00b2", MalformedError),
        ("281474976710657", TooLargeError),
        ("9" * 5000, TooLargeError),
    ],
)
def test_other_decimals_are_refused(text: str, error: type[MalformedError]) -> None:
    with pytest.raises(error):
        parse_decimal(text, 2**48)


@pytest.mark.parametrize(
    "read",
    [
        lambda: unb64("c2VjcmV0!"),
        lambda: parse_decimal("secret", 10),
        lambda: decode_cbor(b"\xa1\x00\x66secreX", max_bytes=8),
        lambda: decode_cbor(b"\xa1\x66secret\x00", max_bytes=9),
    ],
    ids=["base64", "decimal", "too large", "text key"],
)
def test_errors_do_not_repeat_the_input(read: Callable[[], object]) -> None:
    with pytest.raises(MalformedError) as caught:
        read()
    assert "secre" not in str(caught.value)
    assert caught.value.__cause__ is None
