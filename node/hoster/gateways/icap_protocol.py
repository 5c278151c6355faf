"""ICAP (RFC 3507) without a socket: bytes in, requests and pieces of bodies out; replies as bytes.

What a proxy sends is bounded before it is held, and read strictly: a message that could be understood in two ways is
refused with a status and the connection ends, for what follows it has no known beginning.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import Final

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of the head of a request, and of the HTTP heads in it together."""
MAX_CHUNK_BYTES: Final = 2**31
PREVIEW_BYTES: Final = 4096
"""What is asked for before a body is: enough to see what kind of file it is."""
_MAX_LINE: Final = 4096
_REASONS: Final = {
    100: "Continue",
    200: "OK",
    204: "No Content",
    400: "Bad request",
    404: "ICAP Service not found",
    405: "Method not allowed for service",
    408: "Request timeout",
    505: "ICAP version not supported",
}
_REQUEST: Final = re.compile(rb"([A-Z]{1,16}) icap://[^/\s]*/([^\s?]*)(?:\?\S*)? ICAP/(\d\.\d)")
_FIELD: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}):[ \t]*([^\x00-\x08\x0a-\x1f]*)")
_SECTION: Final = re.compile(r"(req-hdr|res-hdr|req-body|res-body|null-body|opt-body)=(\d{1,9})")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\x00-\x08\x0a-\x1f]*)?")
_SECTIONS: Final = {
    "REQMOD": re.compile(r"(req-hdr )?(req-body|null-body)"),
    "RESPMOD": re.compile(r"(req-hdr )?(res-hdr )?(res-body|null-body)"),
    "OPTIONS": re.compile(r"null-body"),
}


class IcapError(Exception):
    """A message that is not answered otherwise: `status` is told, and the connection ends."""

    def __init__(self, status: int) -> None:
        super().__init__(_REASONS[status])
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The head of a request."""

    method: str
    service: str
    fields: Mapping[str, str]
    """By name in small letters; of one that was repeated, the values with commas between."""
    heads: Mapping[str, bytes]
    """The HTTP heads in it, by `req-hdr` and `res-hdr`, each with its empty line."""
    has_body: bool

    @property
    def preview(self) -> bool:
        """Whether a preview of the body comes first."""
        return self.has_body and "preview" in self.fields

    @property
    def allows_204(self) -> bool:
        """Whether "no changes" may be said of a body that was sent whole."""
        return "204" in re.split(r"[,\s]+", self.fields.get("allow", ""))


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of the body."""

    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The end of a body, or of its preview; `whole` when nothing of it is left."""

    whole: bool


Event = Request | Data | End


class _State(Enum):
    HEAD = auto()
    HEADS = auto()
    SIZE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILERS = auto()
    PREVIEWED = auto()


class Parser:
    """Reads what one proxy sends over one connection.

    After the `End` of a preview that is not whole, say `go_on` to read the rest, or `next_request`.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._state = _State.HEAD
        self._head: tuple[str, str, dict[str, str]] = ("", "", {})
        self._sections: Sequence[tuple[str, int]] = ()
        self._left = 0
        self._in_preview = False
        self._preview_left = 0
        self._last_is_whole = True
        self._trailer_bytes = 0

    @property
    def has_begun(self) -> bool:
        """Whether anything of what comes next was fed."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take what was received."""
        self._buffer += data

    def next(self) -> Event | None:
        """What comes next; None until more is fed. Raises `IcapError`."""
        while True:
            before = self._state, len(self._buffer)
            event = self._step()
            if event is not None or (self._state, len(self._buffer)) == before:
                return event

    def go_on(self) -> None:
        """The rest of a body after its preview."""
        assert self._state is _State.PREVIEWED, "a preview has just ended"
        self._in_preview, self._state = False, _State.SIZE

    def next_request(self) -> None:
        """The rest of a body is not sent: what follows its preview is another request."""
        assert self._state is _State.PREVIEWED, "a preview has just ended"
        self._state = _State.HEAD

    def _step(self) -> Event | None:
        steps = {
            _State.HEAD: self._read_head,
            _State.HEADS: self._read_heads,
            _State.SIZE: self._read_size,
            _State.CHUNK: self._read_chunk,
            _State.CHUNK_END: self._read_chunk_end,
            _State.TRAILERS: self._read_trailer,
        }
        return steps[self._state]() if self._state in steps else None

    def _read_head(self) -> Event | None:
        while self._buffer.startswith(b"\r\n"):  # RFC 9112 2.2: lines between messages are passed over
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD_BYTES:
                raise IcapError(400)
            return None
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        method, service = _request_line(lines[0])
        fields = _fields(lines[1:])
        self._head = method, service, fields
        self._sections = _encapsulated(method, fields)
        self._state = _State.HEADS
        return None

    def _read_heads(self) -> Event | None:
        size = self._sections[-1][1]
        if len(self._buffer) < size:
            return None
        ends = [(name, start, end) for (name, start), (_, end) in pairwise(self._sections)]
        heads = {name: bytes(self._buffer[start:end]) for name, start, end in ends}
        del self._buffer[:size]
        if not all(head.endswith(b"\r\n\r\n") for head in heads.values()):
            raise IcapError(400)
        method, service, fields = self._head
        has_body = self._sections[-1][0] != "null-body"
        request = Request(method=method, service=service, fields=fields, heads=heads, has_body=has_body)
        self._in_preview = request.preview
        self._preview_left = int(fields["preview"]) if request.preview else 0
        self._state = _State.SIZE if has_body else _State.HEAD
        return request

    def _read_size(self) -> Event | None:
        line = self._line()
        if line is None:
            return None
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise IcapError(400)
        self._left = int(found[1], 16)
        if self._left > (self._preview_left if self._in_preview else MAX_CHUNK_BYTES):
            raise IcapError(400)
        self._preview_left -= self._left
        extensions = [each.strip() for each in (found[2] or b"").split(b";")]
        self._last_is_whole = not self._in_preview or b"ieof" in extensions
        self._state = _State.CHUNK if self._left else _State.TRAILERS
        self._trailer_bytes = 0
        return None

    def _read_chunk(self) -> Event | None:
        content = bytes(self._buffer[: self._left])
        if not content:
            return None
        del self._buffer[: len(content)]
        self._left -= len(content)
        if not self._left:
            self._state = _State.CHUNK_END
        return Data(content)

    def _read_chunk_end(self) -> Event | None:
        if len(self._buffer) < 2:
            return None
        if self._buffer[:2] != b"\r\n":
            raise IcapError(400)
        del self._buffer[:2]
        self._state = _State.SIZE
        return None

    def _read_trailer(self) -> Event | None:
        line = self._line()
        if line is None:
            return None
        self._trailer_bytes += len(line)
        if line and (self._trailer_bytes > _MAX_LINE or not _FIELD.fullmatch(line)):
            raise IcapError(400)
        if line:
            return None
        self._state = _State.HEAD if self._last_is_whole else _State.PREVIEWED
        return End(self._last_is_whole)

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, _MAX_LINE)
        if end < 0:
            if len(self._buffer) >= _MAX_LINE:
                raise IcapError(400)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line


def _request_line(line: bytes) -> tuple[str, str]:
    found = _REQUEST.fullmatch(line)
    if found is None:
        raise IcapError(400)
    if found[3] != b"1.0":
        raise IcapError(505)
    method = found[1].decode()
    if method not in _SECTIONS:
        raise IcapError(405)
    return method, found[2].decode("ascii", "replace").strip("/").lower()


def _fields(lines: Sequence[bytes]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise IcapError(400)
        name, value = found[1].decode().lower(), found[2].decode("latin-1").strip()
        if name in fields and name in {"encapsulated", "preview"}:
            raise IcapError(400)  # which of two is meant decides where the next request begins
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    preview = fields.get("preview", "0")
    if not (
        preview.isascii() and preview.isdecimal() and int(preview[:9]) <= MAX_HEAD_BYTES and len(preview) < 9
    ):
        raise IcapError(400)
    return fields


def _encapsulated(method: str, fields: Mapping[str, str]) -> list[tuple[str, int]]:
    """Sections with the places where they begin; the last one is the body."""
    text = fields.get("encapsulated", "null-body=0" if method == "OPTIONS" else "")
    found = [_SECTION.fullmatch(part.strip()) for part in text.split(",")]
    sections = [(each[1], int(each[2])) for each in found if each is not None]
    if len(sections) != len(found) or not _SECTIONS[method].fullmatch(" ".join(name for name, _ in sections)):
        raise IcapError(400)
    places = [place for _, place in sections]
    if places[0] != 0 or places[-1] > MAX_HEAD_BYTES or any(later <= one for one, later in pairwise(places)):
        raise IcapError(400)
    return sections


def fields_of(head: bytes, name: str) -> list[str]:
    """All values of a field in an HTTP head, those too that are continued on the next line or written twice."""
    lines = re.sub(rb"\r?\n[ \t]+", b" ", head).split(b"\n")[1:]
    found = [line.partition(b":") for line in lines]
    wanted = name.lower().encode()
    return [value.decode("latin-1").strip() for key, _, value in found if key.strip().lower() == wanted]


def reply(status: int, istag: str, fields: Mapping[str, str], *, body: bytes = b"") -> bytes:
    """A reply; `body` is what is encapsulated in it."""
    lines = [f"ICAP/1.0 {status} {_REASONS[status]}", f"ISTag: {istag}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


CONTINUE: Final = b"ICAP/1.0 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"


def chunk(content: bytes) -> bytes:
    """A piece of a body that is sent; not empty, for that would be its end."""
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def encapsulated(heads: Mapping[str, bytes], *, body: str) -> str:
    """The `Encapsulated` field of heads that are sent one after another, and of the body behind them."""
    at, sections = 0, []
    for name, head in heads.items():
        sections.append(f"{name}={at}")
        at += len(head)
    return ", ".join([*sections, f"{body}={at}"])
