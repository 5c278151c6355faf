"""Scans: those that were finished, each in sum, and the one that runs or was interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.access.sessions import Visitor
from node.console.hoster.world import EVERYBODY, PartnerWorld
from node.console.parts import Page, Section, Values
from node.hoster.scan.history import MOST
from node.hoster.scan.results import ScanSummary
from node.hoster.scan.scans import UnderWay, scans

ROWS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Scans:
    """What the page shows."""

    under_way: UnderWay | None
    finished: Sequence[ScanSummary]
    kept: int
    """How many are kept at most."""
    first: str
    next: str


def gather(world: PartnerWorld, _: Visitor, query: Values) -> Scans:
    """One page of scans, the newest first."""
    page, found = query.number("page", most=MOST), scans(world.home)
    after = (page + 1) * ROWS
    return Scans(
        under_way=found.under_way,
        finished=found.finished[page * ROWS : after],
        kept=MOST,
        first="page=0" if page else "",
        next=f"page={page + 1}" if len(found.finished) > after else "",
    )


PAGES: Final = (
    Page(
        name="scans",
        path="/console/scans",
        title="Scans",
        gather=gather,
        section=Section.WORK,
        roles=EVERYBODY,
    ),
)
