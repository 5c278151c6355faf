"""One direction of an HTTP/1.1 connection taken apart, so that bodies can be searched as their reader would see them.

Heads are kept as they are; bodies are put together from their chunks and inflated. Anything that is not understood is
an error: what was not read was not searched.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_INFLATERS: Final = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
_BODILESS: Final = re.compile(rb"HTTP/1\.1 (1\d\d|204|304) ")


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a reply."""

    head: bytes
    body: bytes
    """Without chunk heads, inflated."""


def messages(stream: bytes) -> Iterator[Message]:
    """Every message in `stream`; the last may have been cut off by the end of the connection."""
    at = 0
    while at < len(stream):
        end = stream.find(b"\r\n\r\n", at)
        if end < 0:
            yield Message(stream[at:], b"")
            return
        head, at = stream[at : end + 2], end + 4
        body, at = _body(stream, at, head)
        yield Message(head, _inflated(body, head))


def _body(stream: bytes, at: int, head: bytes) -> tuple[bytes, int]:
    if _BODILESS.match(head):
        return b"", at
    if _header(head, b"transfer-encoding") == b"chunked":
        return _chunks(stream, at)
    length = _header(head, b"content-length")
    if length is None:
        return (stream[at:], len(stream)) if head.startswith(b"HTTP/") else (b"", at)
    return stream[at : at + int(length)], at + int(length)


def _chunks(stream: bytes, at: int) -> tuple[bytes, int]:
    body = bytearray()
    while at < len(stream):
        end = stream.index(b"\r\n", at)
        size = int(stream[at:end].partition(b";")[0], 16)
        body += stream[end + 2 : end + 2 + size]
        at = end + 4 + size
        if size == 0:
            break
    return bytes(body), at


def _inflated(body: bytes, head: bytes) -> bytes:
    encoding = _header(head, b"content-encoding")
    if encoding in {None, b"identity"}:
        return body
    assert encoding in _INFLATERS, f"a body encoded as {encoding!r}"
    return zlib.decompressobj(_INFLATERS[encoding]).decompress(body)


def _header(head: bytes, name: bytes) -> bytes | None:
    found = re.search(rb"\r\n%s:[ \t]*([^\r\n]*)" % re.escape(name), head, re.IGNORECASE)
    return found[1].strip().lower() if found else None
