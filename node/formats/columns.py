"""CSV with named columns: the format `sigfed hash` writes, and the way in for every table an analyst has.

The header line names the columns; case, spaces, hyphens and underscores in names do not matter. Columns with
names of their own are mapped by the caller (`{"md5": "MD5 hash"}`). See docs/reference/formats.md.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import BinaryIO

from keys.message import Message
from node.errors import InputRefusedError, UsageError
from node.formats.cells import HASH_COLUMNS, Column, digests_in, folded
from node.formats.rows import NO_CASE, ImportRow, Reading, RowRefusedError
from node.formats.table import DELIMITERS, Convert, Table, delimiters_from, wrong_delimiter
from protocol.errors import MalformedError
from protocol.lists.event import OTHER, PRIVATE_FROM, collection_number

RECOGNISED = (*HASH_COLUMNS, "collection", "category", "id")
"""The names a column may have, or be mapped to."""

_NAMES_HINT = (
    "the first line must name the columns, separated by commas, semicolons or tabs: "
    "md5, sha1, sha256, pdq, photodna, collection, category, id; map columns that have other names with --column"
)


def read_columns(
    stream: BinaryIO,
    *,
    collection: int,
    mapping: Mapping[str, str] | None = None,
    delimiter: str | None = None,
    categories: Collection[str] | None = None,
) -> Reading:
    """The rows of a CSV with named columns, read as they are asked for.

    `collection` is that of rows that name none; `mapping` gives a recognised name the header's own name. Rows of
    other `categories` are refused; None takes rows of any, which is right for a question and never for a list.
    Raises InputRefusedError for a header without hash columns, with a mapped column missing, with one column
    twice, with another delimiter than the declared one, or with a category column of which no value is named;
    UsageError for a mapping of an unknown name, or for categories of a table that has none.
    """
    mapping = mapping or {}
    aliases = _aliases(mapping)
    table = Table(
        stream,
        delimiters=delimiters_from(delimiter or ","),
        score=lambda names: len(_positions(names, aliases)),
    )
    positions = _positions(table.names, aliases)
    _check_delimiter(table, positions, declared=delimiter)
    _check_columns(table.names, positions, aliases, mapping)
    if categories is not None:
        _check_categories("category" in positions, categories)
    used = set(positions.values())
    left_out = tuple(name for position, name in enumerate(table.names) if position not in used)
    return Reading("columns", left_out, table.rows(_converter(positions, collection, categories)))


def _aliases(mapping: Mapping[str, str]) -> Mapping[str, str]:
    """Header names (folded) to recognised names; a mapped name is no longer recognised under its own."""
    unknown = sorted(set(mapping) - set(RECOGNISED))
    if unknown:
        raise UsageError(
            "no such column: {unknown}",
            ", ".join(unknown),
            hint=Message("columns are {names}", ", ".join(RECOGNISED)),
        )
    own = {name: name for name in RECOGNISED if name not in mapping}
    return own | {folded(header): name for name, header in mapping.items()}


def _positions(names: Sequence[str], aliases: Mapping[str, str]) -> dict[str, int]:
    """Position of each recognised column; the last one wins, `_check` refuses doubles."""
    return {aliases[folded(name)]: position for position, name in enumerate(names) if folded(name) in aliases}


def _check_delimiter(table: Table, positions: Mapping[str, int], *, declared: str | None) -> None:
    if not positions or declared in (None, table.delimiter):
        return
    raise InputRefusedError(
        wrong_delimiter(declared, table.delimiter),
        hint=Message(
            "declare {delimiter} as the delimiter, or leave it to the header line",
            DELIMITERS[table.delimiter],
        ),
    )


def _check_columns(
    names: Sequence[str], positions: Mapping[str, int], aliases: Mapping[str, str], mapping: Mapping[str, str]
) -> None:
    missing = sorted(set(mapping) - set(positions))
    if missing:
        raise InputRefusedError(
            "the header lacks the column mapped to {missing}", ", ".join(missing), hint=_NAMES_HINT
        )
    if not set(positions) & set(HASH_COLUMNS):
        raise InputRefusedError("the header names no hash column", hint=_NAMES_HINT)
    if sum(folded(name) in aliases for name in names) != len(positions):
        raise InputRefusedError("the header names one column twice", hint="rename or remove one of them")


def _check_categories(found: bool, named: Collection[str]) -> None:  # noqa: FBT001 - what the header has
    if found and not named:
        # Project VIC's 0 is lawful, and what its other numbers mean depends on the country that filled them in.
        raise InputRefusedError(
            "this table has a category column, and which categories belong on a list depends on who made it",
            hint="name those that do: --category VALUE, repeatable; in the console, the field Categories",
        )
    if named and not found:
        raise UsageError(
            "the header names no category column",
            hint="leave --category out, or map it: --column category=NAME",
        )


def _converter(positions: Mapping[str, int], collection: int, categories: Collection[str] | None) -> Convert:
    hashes: list[Column] = [
        (algorithm, positions[name]) for name, algorithm in HASH_COLUMNS.items() if name in positions
    ]
    collection_of = _collection_reader(positions.get("collection"), collection)
    identity = positions.get("id")
    category = positions.get("category")
    wanted = frozenset(map(_plain, categories or ()))

    def convert(line: int, cells: list[str]) -> ImportRow:
        if category is not None and categories is not None and _plain(cells[category]) not in wanted:
            raise RowRefusedError("category: not among those that were named")
        digests = digests_in(cells, hashes)
        return ImportRow(
            line, digests, collection_of(cells), NO_CASE, "" if identity is None else cells[identity]
        )

    return convert


def _collection_reader(position: int | None, default: int) -> Callable[[list[str]], int]:
    if position is None:
        return lambda _cells: default
    seen: dict[str, int] = {"": default}

    def read(cells: list[str]) -> int:
        text = cells[position]
        number = seen.get(text)
        if number is None:
            number = seen[text] = _collection(text, default)
        return number

    return read


def _collection(text: str, default: int) -> int:
    stripped = text.strip().casefold()
    if not stripped:
        return default
    try:
        number = collection_number(stripped)
    except MalformedError as fault:
        raise RowRefusedError(str(fault)) from None
    if OTHER < number < PRIVATE_FROM:
        raise RowRefusedError(f"collection: numbers from {OTHER + 1} to {PRIVATE_FROM - 1} are not assigned")
    return number


def _plain(category: str) -> str:
    return category.strip().casefold()
