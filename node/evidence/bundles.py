"""Evidence as one file: the contradiction with the trust files that it is judged by, in a ZIP archive.

What is in it has the names that `sigfed evidence export` gives: unpacked, it is that folder. Of one that came from
elsewhere nothing is believed: how many files, and how many bytes, is bounded while they are unpacked.
"""

import zlib
from collections.abc import Mapping
from io import BytesIO
from itertools import count, takewhile
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, is_zipfile

from keys.trust.tuf.target_files import NODE_FILE, REVOKED_FILE
from node.errors import InputRefusedError
from node.evidence.submission import Brought

EVIDENCE: Final = "evidence.cbor"
_MOST_FILES: Final = 300
_MOST_BYTES: Final = 8_000_000
"""Of all that is unpacked."""
_ENTRY: Final = b"PK\x01\x02"
"""Begins each file's entry in the directory of an archive."""
_BOUNDED: Final = frozenset({ZIP_STORED, ZIP_DEFLATED})
"""Methods of which no more is unpacked than is asked for: of the others `zipfile` unpacks a whole block at once, and a
few hundred bytes of bzip2 or LZMA become hundreds of megabytes before anybody counts them."""


def bundle(files: Mapping[str, bytes]) -> bytes:
    """These files in one."""
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def opened(data: bytes) -> Brought:
    """What came in one file: such an archive, or the evidence alone.

    Raises:
        InputRefusedError: an archive that is damaged, too large, or holds no evidence.
    """
    if not is_zipfile(BytesIO(data)):
        return Brought(evidence=data)
    found = _unpacked(data)
    if EVIDENCE not in found:
        raise InputRefusedError(
            "the archive holds no {name}", EVIDENCE, hint="choose the file as it was handed on"
        )
    roots = (f"{version}.root.json" for version in count(1))
    return Brought(
        evidence=found[EVIDENCE],
        roots=[found[name] for name in takewhile(found.__contains__, roots)],
        document=found.get(NODE_FILE, b""),
        revoked=found.get(REVOKED_FILE, b""),
    )


def _unpacked(data: bytes) -> Mapping[str, bytes]:
    # Before the directory is read: one of 9 MB takes seconds and many times its size. Where it is said to begin, and
    # how long it is said to be, is the sender's word.
    if data.count(_ENTRY) > _MOST_FILES:
        raise InputRefusedError("the archive holds more than {most} files", _MOST_FILES)
    found: dict[str, bytes] = {}
    left = _MOST_BYTES
    try:
        with ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            if any(member.compress_type not in _BOUNDED for member in members):
                raise InputRefusedError(
                    "the archive is packed in a way that is not read here",
                    hint="pack its files with deflate, which every program can, or without compression",
                )
            for member in members:
                with archive.open(member) as file:
                    # What the archive says of its sizes is the sender's word.
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise InputRefusedError("the archive holds more than {most} MB", _MOST_BYTES // 1000000)
                found[member.filename.rpartition("/")[2]] = content
    except (BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, zlib.error) as exc:
        raise InputRefusedError("the archive cannot be read: it is damaged, or locked") from exc
    return found
