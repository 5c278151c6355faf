"""What a file is, by its first bytes; its name is a stranger's word.

The table holds what is looked into, and what would be if this program could, so that it can say that it did not.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Family(Enum):
    """What is done about a file."""

    PICTURE = "picture"
    ARCHIVE = "archive"
    CLOSED = "closed"
    """A picture or an archive that cannot be looked into."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A file format: `name` is that of the decoder."""

    family: Family
    name: str


NEEDED_BYTES: Final = 512
"""Bytes of a file's beginning that tell what it is."""

_TABLE: Final[tuple[tuple[int, bytes, Kind], ...]] = (
    (0, b"\xff\xd8\xff", Kind(Family.PICTURE, "JPEG")),
    (0, b"\x89PNG\r\n\x1a\n", Kind(Family.PICTURE, "PNG")),
    (0, b"GIF87a", Kind(Family.PICTURE, "GIF")),
    (0, b"GIF89a", Kind(Family.PICTURE, "GIF")),
    (8, b"WEBP", Kind(Family.PICTURE, "WEBP")),
    *((14, bytes((size, 0, 0, 0)), Kind(Family.PICTURE, "BMP")) for size in (12, 40, 52, 56, 64, 108, 124)),
    (0, b"II*\x00", Kind(Family.PICTURE, "TIFF")),
    (0, b"MM\x00*", Kind(Family.PICTURE, "TIFF")),
    (0, b"II+\x00", Kind(Family.PICTURE, "TIFF")),
    (0, b"MM\x00+", Kind(Family.PICTURE, "TIFF")),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", Kind(Family.PICTURE, "JPEG2000")),
    (0, b"\xff\x4f\xff\x51", Kind(Family.PICTURE, "JPEG2000")),
    (0, b"\xff\x0a", Kind(Family.CLOSED, "JPEG XL")),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", Kind(Family.CLOSED, "JPEG XL")),
    (0, b"PK\x03\x04", Kind(Family.ARCHIVE, "zip")),
    (0, b"PK\x05\x06", Kind(Family.ARCHIVE, "zip")),
    (257, b"ustar", Kind(Family.ARCHIVE, "tar")),
    (0, b"\x1f\x8b\x08", Kind(Family.ARCHIVE, "gzip")),
    (4, b"1AY&SY", Kind(Family.ARCHIVE, "bzip2")),
    (0, b"\xfd7zXZ\x00", Kind(Family.ARCHIVE, "xz")),
    (0, b"7z\xbc\xaf'\x1c", Kind(Family.CLOSED, "7z")),
    (0, b"Rar!\x1a\x07", Kind(Family.CLOSED, "RAR")),
    (0, b"\x28\xb5\x2f\xfd", Kind(Family.CLOSED, "Zstandard")),
)

_BEGINNINGS: Final = {"BMP": b"BM", "WEBP": b"RIFF", "bzip2": b"BZh"}
"""Of formats whose entry in the table is not their beginning, which says little or stands before a length."""

_BRANDS: Final = {
    b"avif": Kind(Family.PICTURE, "AVIF"),
    b"avis": Kind(Family.PICTURE, "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), Kind(Family.CLOSED, "HEIC")),
}
_OPEN_BRANDS: Final = (b"mif1", b"msf1")
"""Say that a file holds pictures, not how they are coded: the compatible brands do."""


def kind_of(head: bytes) -> Kind | None:
    """What begins with these bytes, or None where it is nothing to look into."""
    if head[4:8] == b"ftyp":
        return _branded(head)
    for at, magic, kind in _TABLE:
        if head.startswith(magic, at) and head.startswith(_BEGINNINGS.get(kind.name, b"")):
            return kind
    return None


def _branded(head: bytes) -> Kind | None:
    """A file of the ISO base media format (ISO/IEC 14496-12): its brands follow its first box's length and type."""
    end = min(int.from_bytes(head[:4]), len(head))
    major, others = head[8:12], [head[at : at + 4] for at in range(16, end, 4)]
    if major not in _OPEN_BRANDS:
        return _BRANDS.get(major)
    return next((_BRANDS[brand] for brand in others if brand in _BRANDS), None)
