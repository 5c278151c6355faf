"""Made-up lists of any size, as tables to import: what real ones look like, in shares, and of no file that exists.

A file has MD5, SHA-1 and SHA-256 (seven in ten), MD5 and SHA-1 (two), or SHA-256 alone (one); half of the first are
pictures with a PDQ value. The same seed gives the same tables, and a longer list begins as a shorter one. Memory does
not grow with the list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import md5, sha1, sha256, shake_256
from itertools import count, islice
from pathlib import Path
from typing import Final

from node.files import replace_streamed

HASHES: Final = ("md5", "sha1", "sha256", "pdq")
CATEGORIES: Final = ("1", "2")
_COLLECTIONS: Final = ("baseline",) * 16 + ("investigative",) * 3 + ("other",)
_BATCH: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large each list is, and how much of it the others list."""

    hashes: int
    shared: float
    """From 0 to 1: the share of its files that are on every other agency's list as well."""
    seed: int = 1


def generate(folder: Path, agencies: Sequence[str], shape: Shape) -> Iterator[tuple[Path, int]]:
    """Write a table for each agency, `NAME.csv` in `folder`, in place of an earlier one: its path and its files.

    Raises `OSError`.
    """
    for agency in agencies:
        counted = count()
        replace_streamed(folder / f"{agency}.csv", _pieces(_rows(agency, shape, counted)))
        yield folder / f"{agency}.csv", next(counted)


def _pieces(rows: Iterator[str]) -> Iterator[bytes]:
    yield f"id,{','.join(HASHES)},collection,category\n".encode()
    while some := "".join(islice(rows, _BATCH)):
        yield some.encode()


def _rows(agency: str, shape: Shape, numbers: Iterator[int]) -> Iterator[str]:
    left = shape.hashes
    while left:
        number = next(numbers)
        shared = int(number * shape.shared)
        is_shared = int((number + 1) * shape.shared) > shared
        name = f"everybody's {shared}" if is_shared else f"{agency}'s {number - shared}"
        data = f"sigfed made-up file {shape.seed}: {name}".encode()
        chance = shake_256(data).digest(3)
        cells = [made if made and left > at else "" for at, made in _numbered(_hashes(data, chance[0]))]
        left -= sum(map(bool, cells))
        collection, category = _COLLECTIONS[chance[1] % len(_COLLECTIONS)], CATEGORIES[chance[2] % 5 == 0]
        yield f"{number + 1},{','.join(cells)},{collection},{category}\n"


def _hashes(data: bytes, chance: int) -> Iterator[str]:
    """By column, hexadecimal; empty where this file has none."""
    tenth = chance * 10 // 256
    yield md5(data, usedforsecurity=False).hexdigest() if tenth < 9 else ""
    yield sha1(data, usedforsecurity=False).hexdigest() if tenth < 9 else ""
    yield sha256(data).hexdigest() if tenth not in {7, 8} else ""
    yield shake_256(b"its picture: " + data).hexdigest(32) if tenth < 7 and chance % 2 else ""


def _numbered(cells: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Each cell with the number of cells before it that are not empty."""
    before = 0
    for cell in cells:
        yield before, cell
        before += bool(cell)
