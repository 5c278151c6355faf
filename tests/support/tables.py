"""Synthetic tables in the outside formats; every digest is that of a short made-up text."""

import hashlib
import io
from collections.abc import Iterable, Mapping

from node.formats import ImportRow, Reading, RefusedRow

ICSE_HEADER = (
    "MD5;SHA1;ZZ40;PhotoDNA;Lace;Image ID;Is distributed;Victim identified;Offender identified;Series name;"
    "Investigation name;Agency;Number of submissions;File Available;Media Type;Baseline"
)


def content(name: str) -> bytes:
    """What is in the made-up file `name`: nothing in the one without a name, else more than one byte."""
    return f"made-up file {name}".encode() if name else b""


def md5(name: str) -> str:
    return hashlib.md5(content(name)).hexdigest()


def sha1(name: str) -> str:
    return hashlib.sha1(content(name)).hexdigest()


def sha256(name: str) -> str:
    return hashlib.sha256(content(name)).hexdigest()


def photodna(text: str) -> str:
    return hashlib.shake_256(text.encode()).hexdigest(144).upper()


def pdq(text: str) -> str:
    """A well-mixed value of PDQ's length; of no picture."""
    return hashlib.shake_256(b"pdq" + text.encode()).hexdigest(32)


ICSE_CASE = {
    "Is distributed": "Y",
    "Victim identified": "N",
    "Offender identified": "N",
    "Series name": "Series Blue",
    "Investigation name": "Operation Tern",
    "Agency": "Agency of Examples",
    "Number of submissions": "3",
    "File Available": "True",
    "Media Type": "Image",
}
"""Case intelligence of every line."""


def icse_row(name: str, **cells: str) -> str:
    """One ICSE line about the file `name`; `cells` replace columns by their name with _ for spaces."""
    row = {
        "MD5": md5(name),
        "SHA1": sha1(name),
        "ZZ40": "00AA" * 8,
        "PhotoDNA": photodna(name),
        "Lace": "QUJD" * 43,
        "Image ID": f"img-{name}",
        **ICSE_CASE,
        "Baseline": "Yes",
    }
    row.update({key.replace("_", " "): value for key, value in cells.items()})
    return ";".join(row.values())


def stream(*lines: str, end: str = "\n", last: str = "\n") -> io.BytesIO:
    return io.BytesIO((end.join(lines) + last).encode())


def accepted(reading: Reading) -> list[ImportRow]:
    """The rows, of a reading in which nothing may be refused."""
    rows = list(reading)
    assert not [row for row in rows if isinstance(row, RefusedRow)]
    return [row for row in rows if isinstance(row, ImportRow)]


def outcome(results: Iterable[ImportRow | RefusedRow]) -> Mapping[int, str]:
    """Line number to "ok" or the reason."""
    return {row.line: row.reason if isinstance(row, RefusedRow) else "ok" for row in results}
