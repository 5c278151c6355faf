"""How far own withdrawals have come, what was shredded and who still lists it, and letting a hash be listed again.

A page of three views, because what was shredded takes a look into the lists that still have it. What each says is
what the commands say; a shredded hash is typed into a form and stands in no address and no record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.access.sessions import Visitor
from node.acts import entries
from node.console.languages import translated as _
from node.console.pages.acts import action
from node.console.parts import Page, Section, Values
from node.console.world import World
from node.errors import UsageError
from node.formats.hash_queries import typed_hash_queries
from node.judgement.recall import WithdrawalReport, report_withdrawals
from node.judgement.shred_status import ShreddingReport, report_shreddings

ROWS: Final = 50
PATH: Final = "/console/withdrawals"
VIEWS: Final = ("open", "all", "shredded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalls:
    """What the page shows."""

    view: str
    open: int
    """Withdrawals that somebody has not applied yet."""
    withdrawals: Sequence[WithdrawalReport]
    shreddings: Sequence[ShreddingReport]
    total: int
    """Of the view, over all its pages."""
    first: str
    next: str


def gather(world: World, _visitor: Visitor, query: Values) -> Recalls:
    """One view, newest first; raises `UsageError` for one that is none."""
    view, at = query.text("view", "open"), query.number("from")
    if view not in VIEWS:
        raise UsageError("what is shown is one of: open, all, shredded")
    every = report_withdrawals(world.store)
    still = [each for each in every if each.open]
    withdrawals = still if view == "open" else every
    shreddings = sorted(report_shreddings(world.store), key=_unfinished) if view == "shredded" else []
    total = len(shreddings) if view == "shredded" else len(withdrawals)
    return Recalls(
        view=view,
        open=len(still),
        withdrawals=[] if view == "shredded" else withdrawals[::-1][at : at + ROWS],
        shreddings=shreddings[at : at + ROWS],
        total=total,
        first=urlencode({"view": view}) if at else "",
        next=urlencode({"view": view, "from": at + ROWS}) if at + ROWS < total else "",
    )


def _unfinished(each: ShreddingReport) -> tuple[bool, bool]:
    """What this agency must finish first, then what others must."""
    return not each.own_standing, each.complete


def _hashes(form: Values) -> entries.Readmitted:
    """As many as are typed, one a line."""
    asked = typed_hash_queries(form.require("hash", _("the hash")))
    return entries.Readmitted(hashes=[digest for _name, digests in asked for digest in digests])


PAGES: Final = (Page(name="recalls", path=PATH, title="Withdrawals", gather=gather, section=Section.WORK),)

ACTIONS: Final = (
    action(
        entries.readmit, path="/console/withdrawals/readmit", page="recalls", name="readmit", read=_hashes
    ),
)
