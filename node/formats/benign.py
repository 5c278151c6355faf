"""Known-benign sets: tables of NSRL's kind, and NIST's Non-RDS JSON.

A table has a header that names hash columns, in quotes or not, with commas, semicolons or tabs: `"SHA-1","MD5","CRC32",
"FileName",…` of RDS 2, the same with `"SHA-256"` as it is exported from RDS 3, and the columns of our own CSV. Only the
hash columns are read, and values that are no use on a list are welcome here: the empty file is benign. The JSON is
that of the Project VIC media model, whose lists of illegal material look the same but for a category: rows with one
are refused. See docs/reference/formats.md.
"""

from binascii import unhexlify
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from node.errors import InputRefusedError
from node.formats.cells import HASH_COLUMNS
from node.formats.json_items import items_of
from node.formats.rows import NO_CASE, ImportRow, Reading, RefusedRow, RowRefusedError, RowResult
from node.formats.table import DELIMITERS, Convert, Table, delimiters_from
from protocol.digest import SIZES, Algorithm, Digest

_HEADER_HINT = (
    "the first line must name hash columns: SHA-1, MD5, SHA-256, sha1, md5, sha256, pdq or photodna"
)
_JSON_FIELDS = {"md5": Algorithm.MD5, "sha1": Algorithm.SHA1, "sha256": Algorithm.SHA256}
_BENIGN_CATEGORIES = (None, 0, "0", "")
"""Project VIC: 0 is known and lawful; what else a number means depends on the country, and never that."""


def read_benign(stream: BinaryIO) -> Reading:
    """The rows of a seekable stream; the collection of a row means nothing.

    Raises `InputRefusedError` when it is neither a table with hash columns nor such JSON.
    """
    start = stream.tell()
    head = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    stream.seek(start)
    if head.startswith(b"{"):
        return Reading("non-rds", (), _json_rows(stream))
    return _read_table(stream)


def _read_table(stream: BinaryIO) -> Reading:
    table = Table(stream, delimiters=delimiters_from(","), score=lambda names: len(_columns(names)))
    columns = _columns(table.names)
    if not columns:
        found = ", ".join(DELIMITERS.values())
        raise InputRefusedError(
            "the header names no hash column", hint=f"{_HEADER_HINT}; separated by {found}"
        )
    if len({algorithm for algorithm, _ in columns}) < len(columns):
        raise InputRefusedError("the header names one column twice", hint="rename or remove one of them")
    used = {position for _, position in columns}
    left_out = tuple(name for position, name in enumerate(table.names) if position not in used)
    return Reading("nsrl", left_out, table.rows(_converter(columns)))


def _columns(names: Sequence[str]) -> list[tuple[Algorithm, int]]:
    folded = [name.casefold().translate({ord(" "): None, ord("-"): None, ord("_"): None}) for name in names]
    return [(HASH_COLUMNS[name], position) for position, name in enumerate(folded) if name in HASH_COLUMNS]


def _converter(columns: Sequence[tuple[Algorithm, int]]) -> Convert:
    def convert(line: int, cells: list[str]) -> ImportRow:
        return _row(line, [(algorithm, cells[position].strip()) for algorithm, position in columns])

    return convert


def _row(number: int, hashes: Sequence[tuple[Algorithm, str]]) -> ImportRow:
    digests = tuple(_digest(algorithm, text) for algorithm, text in hashes if text)
    if not digests:
        raise RowRefusedError("the row has no hash")
    return ImportRow(number, digests, 0, NO_CASE, "")


def _digest(algorithm: Algorithm, text: str) -> Digest:
    try:
        value = unhexlify(text)
    except ValueError:
        value = b""
    if len(value) != SIZES[algorithm]:
        raise RowRefusedError(f"{algorithm.name.lower()}: not {2 * SIZES[algorithm]} hexadecimal digits")
    return Digest(algorithm, value)


def _json_rows(stream: BinaryIO) -> Iterator[RowResult]:
    """Rows are numbered from 1 in the order of the array."""
    for number, item in enumerate(items_of(stream, "value"), 1):
        try:
            yield _json_row(number, item)
        except RowRefusedError as refusal:
            yield RefusedRow(number, str(refusal))


def _json_row(number: int, item: object) -> ImportRow:
    if not isinstance(item, Mapping):
        raise RowRefusedError("not an object")
    fields = {str(name).casefold(): value for name, value in item.items()}
    if fields.get("category") not in _BENIGN_CATEGORIES:
        raise RowRefusedError("it has a category, so it is not of a known-benign set")
    hashes = [(algorithm, fields.get(name) or "") for name, algorithm in _JSON_FIELDS.items()]
    if not all(isinstance(text, str) for _, text in hashes):
        raise RowRefusedError("a hash is not a text")
    return _row(number, [(algorithm, str(text).strip()) for algorithm, text in hashes])
