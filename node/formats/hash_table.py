"""A table of hashed files, as `columns` reads it; how files are hashed is not decided here."""

import csv
import os
from codecs import StreamWriter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

from protocol.digest import Algorithm, Digest

HEADER = ("id", "md5", "sha1", "sha256", "pdq")
_ALGORITHMS = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.PDQ)


def write_csv(
    files: Iterable[tuple[Path, Sequence[Digest]]],
    out: TextIO | StreamWriter,
    *,
    identity: Callable[[int, Path], str] | None = None,
) -> int:
    """Write the table of `files` and return their number; of several PDQ values of a file, the first one.

    The id of a row is its number, or what `identity` makes of it: `path_identity` where paths may be told.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    count = 0
    for count, (path, digests) in enumerate(files, 1):
        values = {digest.algorithm: digest.value.hex() for digest in reversed(digests)}
        name = identity(count, path) if identity else str(count)
        writer.writerow([name, *(values.get(algorithm, "") for algorithm in _ALGORITHMS)])
    return count


def path_identity(_number: int, path: Path) -> str:
    """The relative path as an id: one line, valid UTF-8, and no formula to a spreadsheet, whatever separates cells."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    kept = (char if char.isprintable() and char != ";" else f"\\x{ord(char):02x}" for char in text)
    return "./" + "".join(kept)
