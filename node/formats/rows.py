"""What every reader yields: a typed row, or a refused line with the reason.

A row is taken whole or refused whole, because half a row would be a loss that nobody sees. Reasons name the
column and the rule and never repeat what stood in the cell: they end in reports and logs. What becomes of the
rows (duplicates, quarantine, pending events) is for `node.lists.imports.intake`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from protocol.digest import Digest

NO_CASE: Mapping[str, str] = MappingProxyType({})
"""The case data of a format that has none."""


class ImportRow(NamedTuple):
    """One file of the source; a named tuple because a list has millions and it is made three times as fast.

    `line` counts from 1 with the header; `digests` are of one file and share a content id; `case` and
    `source_id` stay in the importing node's local table and enter no log.
    """

    line: int
    digests: tuple[Digest, ...]
    collection: int
    case: Mapping[str, str]
    source_id: str


class RefusedRow(NamedTuple):
    """A line that was not taken, and why; safe to show and to log."""

    line: int
    reason: str


RowResult = ImportRow | RefusedRow


@dataclass(frozen=True, slots=True)
class Reading:
    """A source whose header was understood; iterating it once yields its rows in order.

    `form` is the reader's name; `left_out` are columns of the header that the reader does not use.
    """

    form: str
    left_out: tuple[str, ...]
    rows: Iterator[RowResult]

    def __iter__(self) -> Iterator[RowResult]:
        """The rows, in file order."""
        return self.rows


class RowRefusedError(Exception):
    """Raised inside a reader for the line at hand; never leaves `node.formats`."""
