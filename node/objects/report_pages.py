"""Reading reports of hits a page at a time: they grow for years, and nobody needs all of them in memory."""

from collections.abc import Iterator, Sequence
from typing import Final

from node.store.hits.records import HitFilter, HitPlace, HitRecord
from node.store.store import Store

PAGE: Final = 500
"""Reports read in one transaction."""


def report_pages(store: Store, wanted: HitFilter) -> Iterator[Sequence[HitRecord]]:
    """All reports that are wanted, in the order of `HitTable.page`; what comes meanwhile may be missing."""
    after: HitPlace | None = None
    while True:
        with store.read() as unit:
            page = unit.hits.page(wanted, after=after, limit=PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].place
