"""Files that are sent in base64 or quoted-printable (`Content-Transfer-Encoding`, RFC 2045, sections 6.7 and 6.8).

Read as the standard says and in no other way: of what a lenient decoder passes over, another one makes another file.
Pieces go in and come out, so that a long file is never held twice.
"""

import binascii
import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol

_QUAD: Final = 4
_LINE_END: Final = b"\r\n"
_LONGEST_LINE: Final = 998
"""As in mail (RFC 5322). The standard says 76, which encoders overstep by a letter; no decoder minds."""
_QUOTED: Final = rb"(?:[ \t]*+(?:[!-<>-~]++|=[0-9A-F]{2}))*+(?:[ \t]*+=)?+"
"""A line: nothing that a decoder strips is at its end; an `=` at the end says that the line goes on in the next one."""
_QUOTED_LINE: Final = re.compile(_QUOTED)
_QUOTED_LINES: Final = re.compile(rb"(?:" + _QUOTED + rb"\r\n)*+")


class Decoder(Protocol):
    """Decodes one file."""

    def feed(self, data: bytes) -> bytes:
        """What these bytes add to the file; raises `ValueError` for what the standard does not allow."""
        ...

    def end(self) -> bytes:
        """What is left when all was fed; raises `ValueError` for a file that is cut off."""
        ...


class Base64Decoder:
    """Letters of base64 and CRLF, with one padding at the end, and no bits left over."""

    def __init__(self) -> None:
        self._rest = b""
        self._padded = False

    def feed(self, data: bytes) -> bytes:
        """As the protocol says."""
        text = (self._rest + data).replace(_LINE_END, b"")
        whole = len(text.removesuffix(b"\r")) // _QUAD * _QUAD
        self._rest, quads = text[whole:], text[:whole]
        if quads and self._padded:
            raise ValueError("something stands behind the end")
        decoded = binascii.a2b_base64(quads, strict_mode=True)
        if quads.endswith(b"="):
            self._padded = True
            left = len(decoded) % 3
            if binascii.b2a_base64(decoded[-left:], newline=False) != quads[-_QUAD:]:
                raise ValueError("bits are left over")
        return decoded

    def end(self) -> bytes:
        """As the protocol says."""
        if self._rest:
            raise ValueError("it is cut off")
        return b""


class QuotedPrintableDecoder:
    """Lines that end with CRLF, and may go on in the next one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """As the protocol says."""
        text = self._rest + data
        *ended, self._rest = text.split(_LINE_END)
        # What is held back is read again with the next piece: it must not grow, by line feeds alone either.
        if text.count(b"\n") > len(ended):
            raise ValueError("a line ends without a carriage return")
        if max(map(len, (*ended, self._rest.removesuffix(b"\r")))) > _LONGEST_LINE:
            raise ValueError("a line is too long")
        lines = text[: len(text) - len(self._rest)]
        if _QUOTED_LINES.fullmatch(lines) is None:
            raise ValueError("a line is not quoted-printable")
        return binascii.a2b_qp(lines)

    def end(self) -> bytes:
        """As the protocol says."""
        last = self._rest
        if _QUOTED_LINE.fullmatch(last) is None or last.endswith(b"="):
            raise ValueError("it is cut off, or its last line is not quoted-printable")
        return binascii.a2b_qp(last)


DECODERS: Final[Mapping[str, Callable[[], Decoder]]] = {
    "base64": Base64Decoder,
    "quoted-printable": QuotedPrintableDecoder,
}
"""By what `Content-Transfer-Encoding` says, in small letters."""
AS_IT_IS: Final = frozenset({"7bit", "8bit", "binary"})
"""What it says of a file of which no byte is changed."""
