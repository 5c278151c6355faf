import contextlib

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import CborValue, b64, decode_cbor, encode_cbor, parse_decimal, unb64
from protocol.errors import MalformedError

U64 = st.integers(0, 2**64 - 1)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=20)
)
INNER = SCALARS | st.lists(SCALARS, max_size=4) | st.dictionaries(U64, SCALARS, max_size=3)
VALUES = INNER | st.lists(INNER, max_size=3) | st.dictionaries(U64, INNER, max_size=3)
MAPS = st.dictionaries(U64, VALUES, max_size=4)


@given(MAPS)
def test_round_trip(value: dict[int, CborValue]) -> None:
    assert decode_cbor(encode_cbor(value), max_bytes=10**6) == value


@given(MAPS)
def test_an_independent_encoder_agrees(value: dict[int, CborValue]) -> None:
    assert encode_cbor(value) == cbor2.dumps(value, canonical=True)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\xa1\x00" + tail))
def test_whatever_is_read_has_one_encoding(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert encode_cbor(decode_cbor(data, max_bytes=10**6)) == data


@given(MAPS, st.data())
def test_one_changed_byte_is_refused_or_another_value(
    value: dict[int, CborValue], data: st.DataObject
) -> None:
    good = encode_cbor(value)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    with contextlib.suppress(MalformedError):
        assert encode_cbor(decode_cbor(bad, max_bytes=10**6)) == bad


@given(st.binary())
def test_base64_round_trip(data: bytes) -> None:
    assert unb64(b64(data)) == data


@given(st.text() | st.text(alphabet="AQgw+/=", max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    with contextlib.suppress(MalformedError):
        assert b64(unb64(text)) == text


@given(st.integers(0, 2**63))
def test_decimal_round_trip(number: int) -> None:
    assert parse_decimal(str(number), 2**63) == number


@given(st.text() | st.text(alphabet="0123456789+-_ \u0660", max_size=6))
def test_decimal_has_one_spelling(text: str) -> None:
    with contextlib.suppress(MalformedError):
        assert str(parse_decimal(text, 2**63)) == text
