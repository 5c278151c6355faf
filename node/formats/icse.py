"""INTERPOL ICSE CSV export: which rows are Baseline, and which columns are case intelligence.

Hashes and the `Baseline` flag become the row; the remaining known columns go into the row's local case data
and nowhere else. `ZZ40` and `Lace` hashes are left out: no peer could check or use them. See
docs/reference/formats.md.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import BinaryIO

from keys.message import Message
from node.errors import InputRefusedError
from node.formats.cells import Column, digests_in
from node.formats.rows import ImportRow, Reading, RowRefusedError
from node.formats.table import DELIMITERS, Convert, Table, delimiters_from, index_of, wrong_delimiter
from protocol.digest import Algorithm
from protocol.lists.event import BASELINE, INVESTIGATIVE

REQUIRED = (
    "MD5",
    "SHA1",
    "PhotoDNA",
    "Image ID",
    "Is distributed",
    "Victim identified",
    "Offender identified",
    "Series name",
    "Number of submissions",
    "File Available",
    "Media Type",
    "Baseline",
)
"""The columns by which an ICSE export is recognised."""

CASE = (
    "Is distributed",
    "Victim identified",
    "Offender identified",
    "Series name",
    "Investigation name",
    "Agency",
    "Number of submissions",
    "File Available",
    "Media Type",
)
"""Case intelligence: local to the importing node."""

_HASHES = {"MD5": Algorithm.MD5, "SHA1": Algorithm.SHA1, "PhotoDNA": Algorithm.PHOTODNA}
_COLLECTIONS = {"Yes": BASELINE, "No": INVESTIGATIVE}
_USED = frozenset({*_HASHES, *CASE, "Image ID", "Baseline"})


def looks_like_icse(stream: BinaryIO) -> bool:
    """Whether a file means to be an ICSE export, complete or not; reads from the stream.

    An incomplete one must fail as ICSE: read as any other table, its `Baseline` column would be passed over.
    """
    names = Table(stream, delimiters=DELIMITERS, score=_score).names
    return {"Baseline", "Image ID"} <= set(names)


def read_icse(stream: BinaryIO, *, delimiter: str | None = None) -> Reading:
    """The rows of an ICSE export, read as they are asked for.

    Raises InputRefusedError when required columns are missing or the delimiter is not the declared one
    (a semicolon, unless declared).
    """
    wanted = delimiter or ";"
    table = Table(stream, delimiters=delimiters_from(wanted), score=_score)
    if table.delimiter != wanted and _score(table.names) == len(REQUIRED):
        raise InputRefusedError(
            wrong_delimiter(wanted, table.delimiter),
            hint=Message("export it again with {delimiter}s, or declare the delimiter", DELIMITERS[wanted]),
        )
    missing = [name for name in REQUIRED if name not in table.names]
    if missing:
        raise InputRefusedError(
            "not an ICSE export: the header lacks {missing}",
            ", ".join(missing),
            hint="export it again with all columns, or import it as CSV with named columns",
        )
    left_out = tuple(name for name in table.names if name not in _USED)
    return Reading("icse", left_out, table.rows(_converter(index_of(table.names))))


def _score(names: Sequence[str]) -> int:
    return len(set(REQUIRED) & set(names))


def _converter(positions: Mapping[str, int]) -> Convert:
    hashes: list[Column] = [(algorithm, positions[name]) for name, algorithm in _HASHES.items()]
    names = [name for name in CASE if name in positions]
    case_cells = itemgetter(*(positions[name] for name in names))
    baseline = positions["Baseline"]
    image_id = positions["Image ID"]

    def convert(line: int, cells: list[str]) -> ImportRow:
        digests = digests_in(cells, hashes)
        flag = cells[baseline]
        collection = _COLLECTIONS.get(flag) or _collection(flag)
        return ImportRow(
            line, digests, collection, dict(zip(names, case_cells(cells), strict=True)), cells[image_id]
        )

    return convert


def _collection(flag: str) -> int:
    collection = _COLLECTIONS.get(flag.strip().capitalize())
    if collection is None:
        raise RowRefusedError("Baseline: neither Yes nor No")
    return collection
