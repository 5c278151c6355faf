"""Where the files are in a form that a browser sends (`multipart/form-data`, RFC 7578).

A form is read as the most lenient server would read it: whoever uploads chooses how it is written, and a file that is
found here by mistake costs a look-up, one that is not found passes.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

MAX_PARTS: Final = 1000
"""Of a form; of one with more, not everything is looked at."""
MAX_BOUNDARIES: Final = 8
_BOUNDARY: Final = re.compile(r"""(?:^|[;,\s"'])boundary\s*=\s*(?:"([^"]+)"|([^\s;,"]+))""", re.IGNORECASE)
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")


def boundaries_of(content_types: Iterable[str]) -> list[bytes]:
    """What may stand between the parts of a form, in any of these fields; empty for what is no form.

    Of several boundaries some servers take the first and others the last.
    """
    forms = [value for value in content_types if "multipart/" in value.lower()]
    found = [quoted or plain for value in forms for quoted, plain in _BOUNDARY.findall(value)]
    return [text.encode("latin-1") for text in dict.fromkeys(found)]


def parts(body: bytes, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Start and size of each part's content; lines may end with LF alone, and the last part with the body."""
    at = 0 if body.startswith(b"--" + boundary) else _next(body, boundary, 0)
    while at >= 0:
        line = body.find(b"\n", at)
        if line < 0:
            return
        at = _next(body, boundary, line)
        end = at if at >= 0 else len(body)
        head = _EMPTY_LINE.search(body, line, end)
        if head is not None:
            if at >= 0:  # the line end before a boundary belongs to it
                end -= 2 if body[end - 2 : end] == b"\r\n" else 1
            if end > head.end():
                yield head.end(), end - head.end()


def _next(body: bytes, boundary: bytes, start: int) -> int:
    """Where the next line that begins with the boundary begins; -1: nowhere."""
    found = body.find(b"\n--" + boundary, start)
    return found + 1 if found >= 0 else -1
