"""Tables that are tables for who listens to them, and cards on a telephone; rows may come one by one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from node.pages.text import safe


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, and how its cells look."""

    head: str
    look: str = ""
    """`number`, `path` for what may break anywhere, `word` for what may not break, `plain` for what needs no head."""


def rows_of(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The table in pieces, a row each; the first cell of a row is its head."""
    heads = "".join(f'<th scope="col"{_look(column)}>{safe(column.head)}</th>' for column in columns)
    yield (f'<table class="cards"><caption>{safe(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>')
    for row in rows:
        yield _row(columns, row)
    yield "</tbody></table>"


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """The whole table."""
    return "".join(rows_of(caption, columns, rows))


def _row(columns: Sequence[Column], row: Sequence[str]) -> str:
    first, *others = zip(columns, row, strict=True)
    cells = "".join(_cell(column, text) for column, text in others)
    return f'<tr><th scope="row"{_look(first[0])}>{safe(first[1])}</th>{cells}</tr>'


def _cell(column: Column, text: str) -> str:
    return f'<td data-head="{safe(column.head)}"{_look(column)}>{safe(text)}</td>'


def _look(column: Column) -> str:
    return f' class="{column.look}"' if column.look else ""
