"""What every page of a console took, as a table in Markdown: first what is worth mending.

Which page is slow is decided here, too: one that takes longer than three times its queries and, besides them, longer
than some tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from support.page_timing import Cost

MOST_RATIO: Final = 3.0
"""What is demanded of a page: so many times its bare queries."""
_HEADINGS: Final = ("page", "ms", "of queries", "times", "tables besides", "statements")
_RULE: Final = "|---|---:|---:|---:|---:|---:|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """All pages of a console, with what any page takes."""

    costs: Mapping[str, Cost]
    """By the name of the page."""
    frame: float
    """Seconds of a page that shows nothing."""

    def tables(self, page: str) -> float:
        """How many tables could be written in what it takes besides its queries and what any page takes."""
        cost = self.costs[page]
        return cost.rest(self.frame) / cost.table_seconds

    @property
    def beyond(self) -> list[str]:
        """Pages that take more than three times their queries: what they take besides has to be short."""
        return [page for page, cost in self.costs.items() if cost.ratio > MOST_RATIO]

    @property
    def slowest(self) -> str:
        """The page beyond three times its queries that takes most besides; empty: there is none."""
        return max(self.beyond, key=self.tables, default="")

    @property
    def text(self) -> str:
        """A row for each page; first what takes most besides its queries."""
        names = sorted(self.costs, key=self.tables, reverse=True)
        rows = [f"| {' | '.join(_HEADINGS)} |", _RULE, *map(self._row, names)]
        return "\n".join(rows) + "\n"

    def _row(self, page: str) -> str:
        cost = self.costs[page]
        return (
            f"| {page} | {1000 * cost.seconds:.1f} | {1000 * cost.bare_seconds:.1f} | {cost.ratio:.1f}"
            f" | {self.tables(page):.1f} | {cost.statements} |"
        )


def beside_reading(costs: Mapping[str, Cost]) -> str:
    """A row for each page that reads files and asks no database; first what takes most beside that."""
    names = sorted(costs, key=lambda page: costs[page].ratio, reverse=True)
    rows = (_read_row(page, costs[page]) for page in names)
    return "\n".join(["| page | ms | of reading | times |", "|---|---:|---:|---:|", *rows]) + "\n"


def _read_row(page: str, cost: Cost) -> str:
    return f"| {page} | {1000 * cost.seconds:.1f} | {1000 * cost.bare_seconds:.1f} | {cost.ratio:.1f} |"
