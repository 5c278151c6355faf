"""Bytes to numbered lines, in bounded memory.

A line longer than `MAX_LINE` is dropped while it is read, so that one 10 MB line costs its line number and
not 10 MB. A line that is not UTF-8 is a fault of that line alone. Lines end with LF or CR LF and with nothing
else: the other characters Unicode calls line ends occur inside names.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from node.errors import InputRefusedError

MAX_LINE = 64 * 1024
"""Characters in a line; the longest honest ICSE line is under 2 000."""

_CHUNK = 256 * 1024
_MAX_HELD = 4 * MAX_LINE
"""Bytes of an unfinished line that are kept: no line of `MAX_LINE` characters has more."""

_BOM = b"\xef\xbb\xbf"
_NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook or ZIP archive",
    b"\x1f\x8b": "compressed with gzip",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"SQLite format 3\x00": "an SQLite database",
}


class LineFault(NamedTuple):
    """Stands where a line's text would: why there is none."""

    reason: str


TOO_LONG = LineFault(f"the line has more than {MAX_LINE} characters")
NOT_UTF8 = LineFault("the line is not UTF-8 text")


class Lines:
    """The lines of a binary stream as (number from 1, text or fault), without their line ends.

    `unterminated` is the number of the last line when the file ends without a line end, else 0. Raises
    InputRefusedError at once for files that are plainly not text.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.unterminated = 0
        self._stream = stream
        self._number = 1
        head = stream.read(_CHUNK)
        for magic, what in _NOT_TEXT.items():
            if head.startswith(magic):
                raise InputRefusedError("this file is {what}, not CSV", what, hint="save it as CSV in UTF-8")
        self._head = head.removeprefix(_BOM)

    def __iter__(self) -> Iterator[tuple[int, str | LineFault]]:
        """Every line once, in order."""
        held = b""
        dropping = False
        for read in self._chunks():
            chunk = read
            if dropping:
                _, newline, chunk = read.partition(b"\n")
                if not newline:
                    continue
                dropping = False
                yield self._take(TOO_LONG)
            whole, newline, tail = chunk.rpartition(b"\n")
            if newline:
                yield from self._split(held + whole)
            held = tail if newline else held + tail
            if len(held) > _MAX_HELD:
                held, dropping = b"", True
        yield from self._last(held, dropping=dropping)

    def _chunks(self) -> Iterator[bytes]:
        chunk = self._head
        self._head = b""
        while chunk:
            yield chunk
            chunk = self._stream.read(_CHUNK)

    def _take(self, line: str | LineFault) -> tuple[int, str | LineFault]:
        self._number += 1
        return self._number - 1, line

    def _split(self, block: bytes) -> Iterator[tuple[int, str | LineFault]]:
        """The lines of a block without its final line end; the fast path stays in C."""
        first = self._number
        lines = _decode(block)
        self._number += len(lines)
        return enumerate(lines, first)

    def _last(self, held: bytes, *, dropping: bool) -> Iterator[tuple[int, str | LineFault]]:
        if dropping:
            yield self._take(TOO_LONG)
        elif held:
            self.unterminated = self._number
            yield from self._split(held)


def _decode(block: bytes) -> Sequence[str | LineFault]:
    try:
        lines = block.decode().replace("\r\n", "\n").removesuffix("\r").split("\n")
    except UnicodeDecodeError:
        return [_decode_one(line) for line in block.split(b"\n")]
    if max(map(len, lines)) <= MAX_LINE:
        return lines
    return [line if len(line) <= MAX_LINE else TOO_LONG for line in lines]


def _decode_one(line: bytes) -> str | LineFault:
    try:
        text = line.decode().removesuffix("\r")
    except UnicodeDecodeError:
        return NOT_UTF8
    return text if len(text) <= MAX_LINE else TOO_LONG
