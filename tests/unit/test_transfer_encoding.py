"""Files in base64 and quoted-printable: what encoders write is read, and what decoders read differently is not."""

import time
from base64 import encodebytes
from binascii import b2a_qp
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.formats.transfer_encoding import DECODERS


def decoded(encoding: str, text: bytes, cuts: list[int] | None = None) -> bytes:
    """What the pieces between these places decode to."""
    decoder = DECODERS[encoding]()
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts or ())})
    found = b"".join(decoder.feed(text[start:end]) for start, end in pairwise(places))
    return found + decoder.end()


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(data=st.binary(max_size=500), cuts=CUTS)
def test_base64_is_read_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    text = encodebytes(data)
    for written in (text.replace(b"\n", b"\r\n"), text.replace(b"\n", b"")):
        assert decoded("base64", written, cuts) == data


@given(data=st.binary(max_size=500), cuts=CUTS, istext=st.booleans())
def test_quoted_printable_is_read_however_it_is_cut(data: bytes, cuts: list[int], istext: bool) -> None:
    data = data.replace(b"\r", b"").replace(b"\n", b"\r\n")
    text = b2a_qp(data, istext=istext)
    text = text.replace(b"=\r\n", b"=\n").replace(b"=\n", b"=\r\n")
    assert decoded("quoted-printable", text, cuts) == data


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("base64", b"eA="),
        ("base64", b"eA"),
        ("base64", b"e"),
        ("base64", b"eA==eA=="),
        ("base64", b"eB=="),
        ("base64", b"eHl=" + b"\r\n" + b"eHl6"),
        ("base64", b"=eA="),
        ("base64", b"e-A="),
        ("base64", b"eH l6"),
        ("base64", b"eHl6\n"),
        ("base64", b"eHl6\r"),
        ("base64", b"\xff\xd8\xff\xe0"),
        ("quoted-printable", b"a=3d"),
        ("quoted-printable", b"a=3"),
        ("quoted-printable", b"a=zz"),
        ("quoted-printable", b"a="),
        ("quoted-printable", b"a "),
        ("quoted-printable", b"a \r\nb"),
        ("quoted-printable", b"a= \r\nb"),
        ("quoted-printable", b"a\nb"),
        ("quoted-printable", b"\n"),
        ("quoted-printable", b"a\n\r\nb"),
        ("quoted-printable", b"x" * 998 + b"\r"),
        ("quoted-printable", b"a\rb"),
        ("quoted-printable", b"x" * 999),
        ("quoted-printable", b"x" * 999 + b"\r\n"),
        ("quoted-printable", b"x" * 10_000),
        ("quoted-printable", b"\xff\xd8"),
    ],
)
@pytest.mark.parametrize("cuts", [[], list(range(90))], ids=["whole", "in pieces"])
def test_what_decoders_read_differently_is_not_read(encoding: str, text: bytes, cuts: list[int]) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(encoding, text, cuts)


SIZE = 2**20
PLAIN = b"%s\r\n" % (b"a" * 76)
HOSTILE = {
    "line feeds": b"\n",
    "lines that end with LF": b"a\n",
    "long lines that end with LF": b"a" * 998 + b"\n",
    "carriage returns": b"\r",
    "empty lines": b"\r\n",
    "ends the wrong way round": b"\n\r",
    "letters alone": b"Q\r\n",
    "soft ends": b"=\r\n",
    "no end": b"a",
    "spaces": b" " * 997 + b"a\r\n",
    "spaces before soft ends": b" " * 997 + b"=\r\n",
    "spaces and letters": b" a" * 400 + b"\r\n",
    "escapes": b"=41" * 300 + b"\r\n",
    "equal signs": b"=",
    "padding": b"QQ==",
    "an end of lines, then line feeds": PLAIN * 10_000 + b"\n" * 2**18,
}


def seconds(encoding: str, text: bytes, piece: int) -> float:
    """Of the processor, until it is decoded or refused."""
    decoder, began = DECODERS[encoding](), time.process_time()
    try:
        for at in range(0, len(text), piece):
            decoder.feed(text[at : at + piece])
        decoder.end()
    except ValueError:
        pass
    return time.process_time() - began


@pytest.mark.parametrize("piece", [1024, 64 * 1024])
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("encoding", DECODERS)
def test_no_file_takes_longer_than_its_length(encoding: str, name: str, piece: int) -> None:
    """What was held back was once read again with each piece: whoever uploads must not hold up the others."""
    text = HOSTILE[name] * (SIZE // len(HOSTILE[name]) + 1)
    plain = min(seconds(encoding, PLAIN * (len(text) // len(PLAIN)), piece) for _ in range(5))
    assert min(seconds(encoding, text, piece) for _ in range(2)) < 25 * plain
