"""Case data of an import: what stays in this node, packed for a sealed object.

One part for each set of column names in a batch: the names as JSON on the first line, then one row for each file:
offset of its first entry in the batch, number of its entries, source id, the values. Cells are separated by U+001F and
rows by U+001E, characters that no spreadsheet cell needs; one that has them gets spaces instead.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # who takes rows out reads none
    from node.lists.imports.dedupe import Fresh

_CELL: Final = "\x1f"
_ROW: Final = "\x1e"
_PART: Final = "\x1d"
_PLAIN: Final = str.maketrans(_CELL + _ROW + _PART, "   ")


def pack_cases(fresh: Iterable["Fresh"], offsets: Iterable[int]) -> bytes:
    """The case data of accepted rows whose entries begin at these offsets; empty when there is none."""
    parts: dict[tuple[str, ...], list[Sequence[str]]] = {}
    for (row, digests, _), offset in zip(fresh, offsets, strict=True):
        if row.case or row.source_id:
            cells = (str(offset), str(len(digests)), row.source_id, *row.case.values())
            names = tuple(row.case)
            if names in parts:
                parts[names].append(cells)
            else:
                parts[names] = [cells]
    return _PART.join(_join(names, rows) for names, rows in parts.items()).encode("utf-8", "surrogatepass")


def without_entries(data: bytes, gone: Collection[int]) -> bytes:
    """The packed case data without the files that have an entry at one of these offsets."""
    text = data.decode("utf-8", "surrogatepass")
    parts = []
    for part in text.split(_PART) if text else ():
        head, *rows = part.split(_ROW)
        kept = [row for row in rows if not _covers(row, gone)]
        if kept:
            parts.append(_ROW.join([head, *kept]))
    return _PART.join(parts).encode("utf-8", "surrogatepass")


def _covers(row: str, gone: Collection[int]) -> bool:
    offset, count = map(int, row.split(_CELL, 2)[:2])
    return any(offset <= each < offset + count for each in gone)


def _join(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = _ROW.join([_CELL.join(cells) for cells in rows])
    if _is_ambiguous(text, len(rows), len(names) + 3):
        text = _ROW.join(_CELL.join(cell.translate(_PLAIN) for cell in cells) for cells in rows)
    return json.dumps(list(names)) + _ROW + text


def _is_ambiguous(text: str, rows: int, cells: int) -> bool:
    """Whether a cell holds a separator; counting is cheaper than looking at each cell."""
    return (text.count(_ROW), text.count(_CELL)) != (rows - 1, rows * (cells - 1)) or _PART in text
