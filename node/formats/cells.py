"""Cells to digests: hexadecimal of the exact length, in either case, and not a degenerate value.

An empty cell means that the source has no such hash. One bad hash refuses the whole row. This is the hot loop
of an import.
"""

from binascii import unhexlify
from collections.abc import Sequence

from node.formats.rows import RowRefusedError
from protocol.digest import SIZES, Algorithm, Digest, degenerate

Column = tuple[Algorithm, int]
"""Which algorithm's hashes stand at which position."""

HASH_COLUMNS = {
    "md5": Algorithm.MD5,
    "sha1": Algorithm.SHA1,
    "sha256": Algorithm.SHA256,
    "pdq": Algorithm.PDQ,
    "photodna": Algorithm.PHOTODNA,
}
"""The names of hash columns, in messages too."""

NAMES = {algorithm: name for name, algorithm in HASH_COLUMNS.items()}
"""The reverse of `HASH_COLUMNS`."""


def folded(name: str) -> str:
    """The name of a column as names are compared: case, spaces, hyphens and underscores do not matter."""
    return name.casefold().translate({ord(" "): None, ord("-"): None, ord("_"): None})


def digests_in(cells: Sequence[str], columns: Sequence[Column]) -> tuple[Digest, ...]:
    """The digests of one row, in the order of `columns`; raises RowRefusedError for none or a bad one."""
    digests = []
    for algorithm, position in columns:
        text = cells[position]
        if text:
            digest = _digest(algorithm, text)
            if digest is not None:
                digests.append(digest)
    if not digests:
        raise RowRefusedError("the row has no hash")
    return tuple(digests)


def _digest(algorithm: Algorithm, text: str) -> Digest | None:
    try:
        value = unhexlify(text)
    except ValueError:
        return _padded_digest(algorithm, text)
    if len(value) != SIZES[algorithm]:
        raise RowRefusedError(_expected(algorithm))
    digest = Digest(algorithm, value)
    reason = degenerate(digest)
    if reason is not None:
        raise RowRefusedError(f"{NAMES[algorithm]}: {reason}")
    return digest


def _padded_digest(algorithm: Algorithm, text: str) -> Digest | None:
    """Spreadsheets pad cells with spaces; anything else is not hexadecimal."""
    stripped = text.strip()
    if not stripped:
        return None
    if stripped == text:
        raise RowRefusedError(_expected(algorithm))
    return _digest(algorithm, stripped)


def _expected(algorithm: Algorithm) -> str:
    return f"{NAMES[algorithm]}: not {2 * SIZES[algorithm]} hexadecimal digits"
