"""How far own withdrawals have come, what was shredded and who still lists it, and letting a hash be listed again.

A page of three views, because what was shredded takes a look into the lists that still have it. What each says is
what the commands say; a shredded hash is typed into a form and stands in no address and no record.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.access.approvals import require_two
from node.app.approvals import open_approvals
from node.app.recall import request_readmission, tombstones_of
from node.console.languages import translated as _
from node.console.pages.entries.recall import RECALLERS
from node.console.parts import Action, Done, Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import UsageError
from node.formats.asked import read_asked
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
    every = report_withdrawals(world.shelf)
    still = [each for each in every if each.open]
    withdrawals = still if view == "open" else every
    shreddings = sorted(report_shreddings(world.shelf), key=_unfinished) if view == "shredded" else []
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


def readmit(world: World, visitor: Visitor, form: Values) -> Done:
    """Ask a second person to let hashes that were shredded be listed here again; as many as are typed, one a line."""
    asked = read_asked(io.BytesIO(form.require("hash", _("the hash")).encode()))
    with world.shelf.storage.read() as unit:
        require_two(unit)
    macs = [world.shelf.vault.tombstone_of(digest) for _name, digests in asked for digest in digests]
    found = tombstones_of(world.shelf, macs)
    approvals = open_approvals(world.identity, world.shelf)
    request = request_readmission(approvals, world.shelf, found, by=visitor.person)
    said = _("Request {number} waits for a second person; nothing was changed").format(number=request.id)
    return Done(f"/console/tasks/request?number={request.id}", said, "requested", {"hashes": str(len(found))})


PAGES: Final = (Page(name="recalls", path=PATH, title="Withdrawals", gather=gather, section=Section.WORK),)

ACTIONS: Final = (
    Action(
        name="readmit",
        path="/console/withdrawals/readmit",
        page="recalls",
        act=readmit,
        roles=RECALLERS,
        record="entry.readmit",
        fresh=True,
    ),
)
