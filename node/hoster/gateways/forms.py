"""Where the files are in a form that a browser sends (`multipart/form-data`, RFC 7578).

A part may say that it is sent in base64 or quoted-printable. Servers differ in whether they decode it, for RFC 7578
does away with that: both are to be looked at, what the part holds as it stands and what it decodes to.

Whoever uploads chooses how a form is written, and servers read what is written badly each in its own way. A form that
is written as the standard says is the same for all of them. Of any other, files are looked for where a lenient server
may find them, and `fault` says that another one may find other files: such a form never passes for clean.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from node.formats.transfer_encoding import AS_IT_IS, DECODERS

MAX_PARTS: Final = 1000
"""Of a form; of one with more, not everything is looked at."""
_MAX_BOUNDARIES: Final = 8
_MAX_TYPE: Final = 1024
"""Of what a `Content-Type` may say: what is read in it leniently costs the square of its length."""
_LIKE_A_FORM: Final = re.compile(
    rb"\s*--[^\r\n]{1,200}[\r\n](?:[^\r\n]{0,1000}[\r\n]){0,10}?content-disposition\s*:\s*form-data",
    re.IGNORECASE,
)
_PARAMETER: Final = r"""(?:[ ]?;[ ]?(?![a-z-]*boundary)[a-z-]+=(?:[\w.+/-]+|"[^"\\]*"))*"""
_STRICT_TYPE: Final = re.compile(
    rf"""multipart/[a-z0-9.+-]+{_PARAMETER}
        [ ]?;[ ]?(boundary)=(?:([\w'+.\-:=?/]{{1,70}})|"([\w'()+,.\-:=?/ ]{{0,69}}[\w'()+,.\-:=?/])")
        {_PARAMETER}""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_ANY_BOUNDARY: Final = re.compile(r"""boundary[^=]*=\s*(?:"((?:[^"\\]|\\.)+)"|([^\s;,"]+))""", re.IGNORECASE)
_STRICT_LINE: Final = re.compile(rb"[A-Za-z0-9-]+: ?[^\x00-\x08\x0a-\x1f\x7f]*")
_FIRST_LINE: Final = re.compile(rb"(?:^|[\r\n])--([^\r\n]{1,200})")
_EMPTY_LINE: Final = re.compile(rb"\r\n\r\n|\n\r?\n|\r\r")
_ENCODING: Final = re.compile(
    rb"^content-transfer-encoding[ \t]*:[ \t]*([a-z0-9-]+)", re.IGNORECASE | re.MULTILINE
)
_ENCODING_FIELD: Final = b"content-transfer-encoding:"
_ENCODINGS: Final = frozenset(name.encode() for name in (*AS_IT_IS, *DECODERS))
_MAX_PART_HEAD: Final = 16 * 1024


class Part(NamedTuple):
    """The content of a part, by its place in the body."""

    start: int
    size: int
    encoding: str = ""
    """Which of `DECODERS` a server may read it with; empty: none."""


@dataclass(frozen=True, slots=True)
class Form:
    """The files in a form."""

    parts: tuple[Part, ...]
    fault: str = ""
    """Why a server may find other files than these; empty for a form that can be read in one way."""


def read_form(content_types: Sequence[str], body: bytes) -> Form | None:
    """The form that a body is by its `Content-Type` fields, or by its looks; None for a body that is none."""
    forms = [value for value in content_types if "multipart" in value.lower()]
    if not forms:
        return _read_badly(body, ()) if _LIKE_A_FORM.match(body) else None
    short = [value for value in forms if len(value) <= _MAX_TYPE]
    if len(content_types) == len(short) == 1 and (boundary := _strict_boundary(short[0])):
        pieces = _cut(body, boundary)
        if len(pieces) > MAX_PARTS + 2:
            return Form(_parts(body, pieces), "a form of too many parts")
        if _is_strict(body, pieces):
            return Form(_parts(body, pieces))
    return _read_badly(body, short)


def _strict_boundary(content_type: str) -> bytes:
    """What stands between the parts, for every server; empty where they may differ."""
    found = _STRICT_TYPE.fullmatch(content_type)
    if found is None or content_type.lower().index("boundary") != found.start(1):
        return b""
    return (found[2] or found[3]).encode("ascii")


def _cut(body: bytes, boundary: bytes) -> list[tuple[int, int]]:
    """Start and end of what lies before, between and behind the boundaries, wherever on a line they are."""
    mark, at, ends = b"--" + boundary, -1, [0]
    while len(ends) <= 2 * (MAX_PARTS + 2) and (at := body.find(mark, ends[-1])) >= 0:
        ends += [at, at + len(mark)]
    return list(zip(ends[::2], [*ends[1::2], len(body)], strict=False))


def _is_strict(body: bytes, pieces: Sequence[tuple[int, int]]) -> bool:
    """Whether the pieces are those of a form as the standard says, with nothing around it."""
    if len(pieces) < 2:
        return False
    (_, first), *parts, (last, end) = pieces
    return (
        body[:first] in {b"", b"\r\n"}
        and body[last : last + 5] in {b"--", b"--\r\n"}
        and last + 4 >= end
        and all(_is_strict_part(body, start, stop) for start, stop in parts)
    )


def _is_strict_part(body: bytes, start: int, end: int) -> bool:
    head_end = body.find(b"\r\n\r\n", start, min(end, start + _MAX_PART_HEAD))
    if not body.startswith(b"\r\n", start) or body[max(start, end - 2) : end] != b"\r\n" or head_end < start:
        return False
    lines = body[start + 2 : head_end].split(b"\r\n")
    encodings = sum(line.lower().startswith(_ENCODING_FIELD) for line in lines)
    return head_end + 4 <= end - 2 and encodings <= 1 and all(map(_is_strict_field, lines))


def _is_strict_field(line: bytes) -> bool:
    """Whether a line of a part's head says nothing by which its content could be read in two ways."""
    name, _, value = line.lower().partition(b":")
    if name + b":" == _ENCODING_FIELD:
        return value.strip(b" ") in _ENCODINGS
    if name == b"content-encoding":  # RFC 7578 has no such field, and some servers unpack what it says
        return value.strip(b" ") == b"identity"
    return _STRICT_LINE.fullmatch(line) is not None and not (
        name == b"content-type" and b"multipart" in value
    )


def _read_badly(body: bytes, content_types: Iterable[str]) -> Form:
    """Files where a server may find them: between boundaries that the head may mean, or as the body begins."""
    texts = [quoted or plain for value in content_types for quoted, plain in _ANY_BOUNDARY.findall(value)]
    said = [text.encode("latin-1") for text in texts]
    shown = [found[1].rstrip(b" \t") for found in islice(_FIRST_LINE.finditer(body), 1)]
    parts: dict[Part, None] = {}
    for boundary in islice(dict.fromkeys([*said, *shown]), _MAX_BOUNDARIES):
        parts |= dict.fromkeys(_parts(body, _cut(body, boundary)))
    return Form(tuple(islice(parts, MAX_PARTS)), "a form that can be read in several ways")


def _parts(body: bytes, pieces: Sequence[tuple[int, int]]) -> tuple[Part, ...]:
    """Of the parts that have a content; what ends a line before a boundary belongs to the boundary."""
    found = []
    for start, end in islice(pieces, 1, MAX_PARTS + 1):
        head = _EMPTY_LINE.search(body, start, min(end, start + _MAX_PART_HEAD))
        if head is not None:
            stop = end - _line_end(body[end - 2 : end]) if end < len(body) else end
            if stop > head.end():
                encoding = _encoding(body[start : head.start()])
                found.append(Part(head.end(), stop - head.end(), encoding))
    return tuple(found)


def _encoding(head: bytes) -> str:
    """Which decoder a lenient server may take for a part with this head; empty: none."""
    said = (found.decode().lower() for found in _ENCODING.findall(head))
    return next((name for name in said if name in DECODERS), "")


def _line_end(last: bytes) -> int:
    """How many of these bytes end a line."""
    return 2 if last == b"\r\n" else int(last.endswith((b"\r", b"\n")))
