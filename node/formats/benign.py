"""Known-benign sets: tables of NSRL's kind, and NIST's Non-RDS JSON.

A table has a header that names hash columns, in quotes or not, with commas, semicolons or tabs: `"SHA-1","MD5","CRC32",
"FileName",…` of RDS 2, the same with `"SHA-256"` as it is exported from RDS 3, and the columns of our own CSV. Only the
hash columns are read, and values that are no use on a list are welcome here: the empty file is benign. The JSON is
that of the Project VIC media model, whose lists of illegal material look the same but for a category: rows with one
are refused, in a table as well. A list of material is no such set, and such a set no list: each is recognised, and
refused with the name of the command that reads it. See docs/reference/formats.md.
"""

from binascii import unhexlify
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from keys.message import Message
from node.errors import InputRefusedError
from node.formats.cells import HASH_COLUMNS, folded
from node.formats.json_items import items_of
from node.formats.rows import NO_CASE, ImportRow, Reading, RefusedRow, RowRefusedError, RowResult
from node.formats.table import DELIMITERS, Convert, Table, delimiters_from
from protocol.digest import SIZES, Algorithm, Digest

_HEADER_HINT = (
    "the first line must name hash columns: SHA-1, MD5, SHA-256, sha1, md5, sha256, pdq or photodna"
)
_JSON_FIELDS = {"md5": Algorithm.MD5, "sha1": Algorithm.SHA1, "sha256": Algorithm.SHA256}
_OF_A_LIST = frozenset({"baseline", "collection"})
"""Columns that say which collection of a list a row belongs to: an ICSE export's, and our own tables'."""
_OF_NSRL = frozenset({"productcode", "opsystemcode", "specialcode", "packageid"})
"""Columns beside the hashes that NSRL's tables have, RDS 2 and 3, and no other known to us."""
_CATEGORY = "category"
_BENIGN_CATEGORIES = (None, 0, "0", "")
"""Project VIC: 0 is known and lawful; what else a number means depends on the country, and never that."""


def read_benign(stream: BinaryIO) -> Reading:
    """The rows of a seekable stream; the collection of a row means nothing.

    Raises `InputRefusedError` when it is neither a table with hash columns nor such JSON, or a list of material.
    """
    if _is_json(stream):
        return Reading("non-rds", (), _json_rows(stream))
    return _read_table(stream)


def refuse_benign(stream: BinaryIO) -> None:
    """Raise `InputRefusedError` when a seekable stream is a set of lawful files; reads from it."""
    if _is_json(stream):
        raise InputRefusedError(
            "this is JSON; a list is imported from an ICSE export or from CSV",
            hint="a set of lawful files (NIST's Non-RDS) is read by: sigfed guard benign add FILE",
        )
    names = Table(stream, delimiters=delimiters_from(","), score=lambda names: len(_columns(names))).names
    if _columns(names) and _OF_NSRL & set(map(folded, names)):
        raise InputRefusedError(
            "this is a table of NSRL: hashes of known lawful files, which belong on no list",
            hint="it is read by: sigfed guard benign add FILE",
        )


def _is_json(stream: BinaryIO) -> bool:
    start = stream.tell()
    head = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    stream.seek(start)
    return head.startswith(b"{")


def _read_table(stream: BinaryIO) -> Reading:
    table = Table(stream, delimiters=delimiters_from(","), score=lambda names: len(_columns(names)))
    columns = _columns(table.names)
    if not columns:
        found = ", ".join(DELIMITERS.values())
        raise InputRefusedError(
            "the header names no hash column",
            hint=Message("{hint}; separated by {found}", _HEADER_HINT, found),
        )
    if _OF_A_LIST & set(map(folded, table.names)):
        raise InputRefusedError(
            "this is a list of material: it says to which collection its rows belong",
            hint="it is read by: sigfed entry import FILE --list NAME",
        )
    if len({algorithm for algorithm, _ in columns}) < len(columns):
        raise InputRefusedError("the header names one column twice", hint="rename or remove one of them")
    category = next((at for at, name in enumerate(table.names) if folded(name) == _CATEGORY), None)
    used = {category, *(position for _, position in columns)}
    left_out = tuple(name for position, name in enumerate(table.names) if position not in used)
    return Reading("nsrl", left_out, table.rows(_converter(columns, category)))


def _columns(names: Sequence[str]) -> list[tuple[Algorithm, int]]:
    plain = map(folded, names)
    return [(HASH_COLUMNS[name], position) for position, name in enumerate(plain) if name in HASH_COLUMNS]


def _converter(columns: Sequence[tuple[Algorithm, int]], category: int | None) -> Convert:
    def convert(line: int, cells: list[str]) -> ImportRow:
        if category is not None:
            _require_benign(cells[category].strip())
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
    _require_benign(fields.get(_CATEGORY))
    hashes = [(algorithm, fields.get(name) or "") for name, algorithm in _JSON_FIELDS.items()]
    if not all(isinstance(text, str) for _, text in hashes):
        raise RowRefusedError("a hash is not a text")
    return _row(number, [(algorithm, str(text).strip()) for algorithm, text in hashes])


def _require_benign(category: object) -> None:
    if category not in _BENIGN_CATEGORIES:
        raise RowRefusedError("it has a category, so it is not of a known-benign set")
