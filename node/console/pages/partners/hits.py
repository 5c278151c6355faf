"""Hits that partners reported: whose file a clock runs for, what became of the others, and how each list fares.

A partner says what became of a file within a day of the report; the longest overdue come first. Which reports there are
is read a page at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.access.sessions import Visitor
from node.console.parts import Page, Section, Values
from node.console.world import World
from node.errors import UsageError
from node.partners.hits.instructions import UNDO_REPORT
from node.partners.hits.overview import (
    FEW,
    Precision,
    ReportedHit,
    hits_page,
    overdue_hits,
    precision,
)
from node.store.hits.records import HitCounts, HitFilter, HitPlace, HitWindow
from node.store.lists.records import FLOOD, LogKind

ROWS: Final = 50
COUNTED: Final = 4_000
"""Newest reports that the precision of lists is counted from."""
VIEWS: Final = ("overdue", "open", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """What the page shows."""

    view: str
    partner: str
    origin: str
    counts: HitCounts
    floods: int
    """Entries that wait in the quarantine because many partners report them."""
    hits: Sequence[ReportedHit]
    partners: Sequence[str]
    origins: Sequence[str]
    first: str
    next: str
    undo: str = UNDO_REPORT
    """What to do with one that no release lists any more."""

    def query(self, view: str) -> str:
        """The same filters in another view."""
        return _query(view, self.partner, self.origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class HowListsFare:
    """What the page of precision shows."""

    rows: Sequence[Precision]
    counted: int
    few: int


def gather(world: World, _visitor: Visitor, query: Values) -> Hits:
    """One page of reports; without a view, the overdue ones if there are any, else the open ones."""
    now_ms, partner, origin = world.now_ms, query.text("partner"), query.text("list")
    with world.store.read() as unit:
        counts = unit.hits.counts(now_ms=now_ms)
        floods = sum(one.kind == FLOOD for one in unit.quarantine.ls())
        partners = [one.name for one in unit.partners.ls()]
        origins = [log.origin for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)]
    view = query.text("view") or ("overdue" if counts.overdue else "open")
    if view not in VIEWS:
        raise UsageError("hits are shown by one of: overdue, open, all")
    wanted = HitFilter(open=view == "open", partner=partner, origin=origin)
    if view == "overdue":
        wanted = overdue_hits(now_ms, partner=partner, origin=origin)
    after = _place(query.text("after"))
    page = hits_page(world.store, wanted, after=after, limit=ROWS)
    base = _query(view, partner, origin)
    return Hits(
        view=view,
        partner=partner,
        origin=origin,
        counts=counts,
        floods=floods,
        hits=page.hits,
        partners=partners,
        origins=origins,
        first=base if after else "",
        next=f"{base}&{urlencode({'after': _named(page.last)})}" if page.last else "",
    )


def gather_precision(world: World, _visitor: Visitor, _query: Values) -> HowListsFare:
    """How the newest hits of each list turned out."""
    with world.store.read() as unit:
        counted = min(unit.hits.number(), COUNTED)
    return HowListsFare(rows=precision(world.store, HitWindow(newest=COUNTED)), counted=counted, few=FEW)


def _query(view: str, partner: str, origin: str) -> str:
    fields = {"view": view, "partner": partner, "list": origin}
    return urlencode({name: value for name, value in fields.items() if value})


def _named(place: HitPlace) -> str:
    return f"{place.received_ms}/{place.partner}/{place.report_id.hex()}"


def _place(text: str) -> HitPlace | None:
    if not text:
        return None
    try:
        received_ms, partner, report_id = text.split("/")
        return HitPlace(int(received_ms[:15]), partner, bytes.fromhex(report_id))
    except ValueError:
        raise UsageError("there is no such page of hits", hint="begin with the first rows") from None


PAGES: Final = (
    Page(name="hits", path="/console/hits", title="Hits", gather=gather, section=Section.WORK, live=True),
    Page(name="precision", path="/console/hits/precision", title="Precision", gather=gather_precision),
)
