"""Where the files are in a form that a browser sends (`multipart/form-data`, RFC 7578)."""

import re
from collections.abc import Iterator
from typing import Final

MAX_PARTS: Final = 1000
_BOUNDARY: Final = re.compile(
    r'multipart/[^;]+;.*?boundary="?([0-9A-Za-z\'()+_,\-./:=? ]{1,70})"?', re.IGNORECASE
)


def boundary_of(content_type: str) -> bytes:
    """What stands between the parts of a form; empty for what is no form."""
    found = _BOUNDARY.match(content_type)
    return found[1].strip().encode() if found else b""


def parts(body: bytes, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Start and size of each part's content. What is not well formed ends the search: the body is judged whole, too."""
    separator = b"\r\n--" + boundary
    at = 0 if body.startswith(separator[2:]) else body.find(separator)
    for _ in range(MAX_PARTS):
        line = body.find(b"\r\n", at + 2) if at >= 0 else -1
        start = body.find(b"\r\n\r\n", line) if line >= 0 else -1
        end = body.find(separator, start) if start >= 0 else -1
        if end < 0:
            return
        content = start + 4
        if end > content:
            yield content, end - content
        at = end
