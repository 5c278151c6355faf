"""Hashes that somebody asks about: one a line, or a table as `sigfed hash` writes it.

A line is a hash in hex, of md5, sha1 or sha256 by its length, or `ALGORITHM:hex` (a PDQ value is as long as a
SHA-256). Unlike an import, anything that is not a hash is refused as a whole: a question must not be half asked.
"""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from node.errors import InputRefusedError
from node.files import input_file
from node.formats.columns import read_columns
from node.formats.rows import RefusedRow
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError
from protocol.lists.event import NATIONAL

MAX_ASKED_BYTES = 64 * 1024 * 1024
_BY_LENGTH = {32: Algorithm.MD5, 40: Algorithm.SHA1, 64: Algorithm.SHA256}

HashQuery = tuple[str, Sequence[Digest]]
"""A name to show (a line or the table's id) and the hashes of one file."""


def read_hash_queries(stream: BinaryIO) -> list[HashQuery]:
    """The files asked about.

    Raises:
        InputRefusedError: too long, or a line that is not a hash; it names the line, never its content.
    """
    data = stream.read(MAX_ASKED_BYTES + 1)
    if len(data) > MAX_ASKED_BYTES:
        raise InputRefusedError("more than 64 MiB of hashes at once", hint="ask in parts")
    first = data.lstrip(b"\xef\xbb\xbf").partition(b"\n")[0]
    if b"," in first or b";" in first or b"\t" in first:
        asked = _table(data)
    else:
        asked = [_line(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    if not asked:
        raise InputRefusedError("there are no hashes in it")
    return asked


def read_hash_queries_in(source: str) -> list[HashQuery]:
    """Those in the file at a path, or for `-` on standard input.

    Raises:
        InputRefusedError: as `read_hash_queries`, or it cannot be read.
    """
    if source == "-":
        return read_hash_queries(sys.stdin.buffer)
    with input_file(Path(source)) as stream:
        return read_hash_queries(stream)


def typed_hash_queries(text: str) -> list[HashQuery]:
    """Those that somebody typed; raises as `read_hash_queries`."""
    return read_hash_queries(io.BytesIO(text.strip().encode()))


def _table(data: bytes) -> list[HashQuery]:
    asked: list[HashQuery] = []
    for row in read_columns(io.BytesIO(data), collection=NATIONAL):
        if isinstance(row, RefusedRow):
            raise InputRefusedError("line {line}: {reason}", row.line, row.reason)
        asked.append((row.source_id or f"line {row.line}", row.digests))
    return asked


def _line(number: int, line: bytes) -> HashQuery:
    text = line.removeprefix(b"\xef\xbb\xbf").decode("ascii", "replace").strip()
    named, colon, rest = text.partition(":")
    try:
        algorithm = Algorithm[named.upper()] if colon else _BY_LENGTH[len(text)]
        return f"line {number}", (Digest.from_hex(algorithm, rest if colon else text),)
    except (KeyError, MalformedError):
        raise InputRefusedError(
            "line {number} is not a hash", number, hint="md5, sha1 or sha256 in hex, or like pdq:HEX"
        ) from None
