"""A table with a column for each party and a row for each step, with a mark and words in every cell.

It is a table for who listens to it, and on a telephone each row becomes a card.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from node.demo.parties import Party
from node.pages.text import safe


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one party saw."""

    tint: str
    """Class that carries the colour: `calm`, `waits`, `stopped` or `alarm`."""
    shape: str
    """The mark, as SVG in a square of 18."""
    words: str
    small: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What everybody saw after a step."""

    after: str
    cells: Mapping[Party, Cell]
    small: str = ""


def party_table(caption: str, rows: Iterable[Row]) -> str:
    """The table; its rows are numbered."""
    body = "".join(_row(number, row) for number, row in enumerate(rows, 1))
    return (
        f'<table class="views" role="table"><caption>{safe(caption)}</caption><thead role="rowgroup"><tr role="row">'
        f'<th scope="col" role="columnheader">after</th>{party_heads()}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )


def party_heads() -> str:
    """The parties' column heads."""
    return "".join(
        f'<th scope="col" role="columnheader" class="{party.value}">{party.title}</th>' for party in Party
    )


def party_name(party: Party) -> str:
    """The party's name in a cell, for who sees the table as cards."""
    return f'<span class="who {party.value}" aria-hidden="true">{party.title}</span>'


def _row(number: int, row: Row) -> str:
    cells = "".join(_cell(party, row.cells[party]) for party in Party)
    return (
        f'<tr role="row"><th scope="row" role="rowheader"><span class="number">{number}</span>'
        f"{safe(row.after)}{_small(row.small)}</th>{cells}</tr>"
    )


def _cell(party: Party, cell: Cell) -> str:
    return (
        f'<td role="cell" class="{cell.tint}">{party_name(party)}'
        f'<span class="sight"><svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">{cell.shape}</svg>'
        f"<span>{safe(cell.words)}{_small(cell.small)}</span></span></td>"
    )


def _small(text: str) -> str:
    return f"<small>{safe(text)}</small>" if text else ""
