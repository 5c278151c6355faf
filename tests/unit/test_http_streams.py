"""Recorded connections are taken apart as their readers would."""

import gzip
import zlib

import pytest

from support.http_streams import Message, messages

TEXT = b"what the reader sees " * 20


def _chunked(data: bytes, size: int) -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x;note=1\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _with(headers: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        pytest.param(_with(b"Content-Length: %d" % len(TEXT), TEXT), TEXT, id="length"),
        pytest.param(_with(b"transfer-encoding: chunked", _chunked(TEXT, 7)), TEXT, id="chunks"),
        pytest.param(
            _with(b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked", _chunked(gzip.compress(TEXT), 5)),
            TEXT,
            id="chunks of gzip",
        ),
        pytest.param(
            _with(b"Content-Encoding: Deflate\r\nContent-Length: 31", zlib.compress(TEXT)[:31]),
            TEXT[:1],
            id="cut",
        ),
        pytest.param(_with(b"Connection: close", TEXT), TEXT, id="until the end"),
        pytest.param(_with(b"Content-Encoding: identity\r\nContent-Length: 2", b"ab"), b"ab", id="identity"),
    ],
)
def test_a_body_is_read_whole(stream: bytes, body: bytes) -> None:
    (message,) = messages(stream)
    assert message.body.startswith(body)


def test_messages_follow_each_other() -> None:
    stream = (
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
        b"POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
        b"GET /c HTTP/1.1\r\nHo"
    )
    assert list(messages(stream)) == [
        Message(b"GET /a HTTP/1.1\r\nHost: x\r\n", b""),
        Message(b"POST /b HTTP/1.1\r\nContent-Length: 3\r\n", b"abc"),
        Message(b"GET /c HTTP/1.1\r\nHo", b""),
    ]
    replies = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + _with(b"Content-Length: 1", b"x")
    assert [message.body for message in messages(replies)] == [b"", b"x"]


def test_what_is_not_understood_is_an_error() -> None:
    with pytest.raises(AssertionError, match="encoded as"):
        list(messages(_with(b"Content-Encoding: br\r\nContent-Length: 2", b"ab")))
    assert list(messages(b"")) == []
