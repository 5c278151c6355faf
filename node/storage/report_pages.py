"""Reading reports of hits a page at a time: they grow for years, and nobody needs all of them in memory."""

from collections.abc import Iterator, Sequence
from typing import Final

from node.storage.shelf import Shelf
from node.store.hits.records import HitFilter, HitPlace, HitRecord

PAGE: Final = 500
"""Reports read in one transaction."""


def report_pages(shelf: Shelf, wanted: HitFilter) -> Iterator[Sequence[HitRecord]]:
    """All reports that are wanted, in the order of `HitTable.page`; what comes meanwhile may be missing."""
    after: HitPlace | None = None
    while True:
        with shelf.storage.read() as unit:
            page = unit.hits.page(wanted, after=after, limit=PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].place
