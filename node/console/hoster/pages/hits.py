"""Hits of this home: those whose file nobody said anything of yet, the overdue first, and all others.

What became of a file is recorded within a day of the hit; the one that is over for longest comes first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.access.sessions import Visitor
from node.console.hoster.world import EVERYBODY, HANDLING, PartnerWorld
from node.console.languages import plural
from node.console.languages import translated as _
from node.console.parts import Action, Led, Page, Section, Values
from node.errors import UsageError
from node.hoster.hits.exchange import Reported, report
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.instructions import FOUND, UNDO, unverified
from node.hoster.hits.spool import SpooledHit

HITS: Final = "/console/hits"
ROWS: Final = 50
VIEWS: Final = ("open", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """What the page shows."""

    view: str
    hits: Sequence[tuple[str, SpooledHit]]
    """Each with its subset, whose name is empty where there is one."""
    overdue: int
    unresolved: int
    to_undo: int
    """They were withdrawn after somebody acted on them."""
    waiting: int
    """Nobody was told of them yet, or not of what became of them."""
    problem: str
    """What is wrong with a hit that cannot be read; empty: all can."""
    first: str
    next: str
    found: str = FOUND
    """What to do with a file that is on the list, and with one that is not any more."""
    undo: str = UNDO


def gather(world: PartnerWorld, _visitor: Visitor, query: Values) -> Hits:
    """One page of hits."""
    view, page, now_ms = query.text("view", "open"), query.number("page", most=100_000), world.now_ms
    if view not in VIEWS:
        raise UsageError("hits are shown by one of: open, all")
    read = [hit_spool(home).readable() for home in world.homes]
    damage = next((one.damage for one in read if one.damage), None)
    named = [(name, hit) for name, one in zip(world.names, read, strict=True) for hit in one.hits]
    every = [hit for _, hit in named]
    wanted = [each for each in named if view == "all" or each[1].unresolved or each[1].to_undo]
    ordered = sorted(wanted, key=lambda each: _order(each[1]))
    after = (page + 1) * ROWS
    return Hits(
        view=view,
        hits=ordered[page * ROWS : after],
        overdue=sum(hit.overdue(now_ms) for hit in every),
        unresolved=sum(hit.unresolved for hit in every),
        to_undo=sum(hit.to_undo for hit in every),
        waiting=sum(hit.waiting or hit.untold for hit in every),
        problem="" if damage is None else f"{damage}; {damage.hint}",
        first=f"view={view}" if page else "",
        next=f"view={view}&page={page + 1}" if len(ordered) > after else "",
    )


def report_all(world: PartnerWorld, _visitor: Visitor, _form: Values) -> Led:
    """Report everything that waits, as `sigfed hit report --all`."""
    return Led(HITS, world.in_each(lambda _name, home: reported_words(asyncio.run(report(home, ())))))


def reported_words(done: Reported) -> str:
    """What became of it, in sentences; raises why nothing was done, where nothing was."""
    if done.problem and not done.hits:
        raise done.stopped or done.failed[0][1]
    refused = sum(bool(hit.refused) for hit in done.hits)
    ended = sum(bool(hit.ended_ms) for hit in done.hits)
    taken = len(done.hits) - refused - ended
    words = [
        plural(
            "{count} hit was told to the agency, against a signed receipt.",
            "{count} hits were told to the agency, against signed receipts.",
            taken,
        ),
        plural(
            "The agency did not take {count}: see why on its page.",
            "The agency did not take {count}: see why on their pages.",
            refused,
        ),
        plural(
            "{count} is withdrawn: no release lists it any more.",
            "{count} are withdrawn: no release lists them any more.",
            ended,
        ),
        _("Not all could be told: {why}").format(why=_(done.problem)) if done.problem else "",
        _(unverified(done.unverified)),
    ]
    return " ".join(filter(None, words)) or _("Nothing waits to be told.")


def _order(hit: SpooledHit) -> tuple[int, int]:
    """What is to be undone, the unresolved by the end of their day, then the others, the newest first."""
    if hit.to_undo:
        return 0, hit.ended_ms
    return (1, hit.due_ms) if hit.unresolved else (2, -max(hit.resolved_ms, hit.ended_ms))


PAGES: Final = (
    Page(
        name="hits", path=HITS, title="Hits", gather=gather, section=Section.WORK, roles=EVERYBODY, live=True
    ),
)

ACTIONS: Final = (
    Action(name="hits-report", path="/console/hits/report-all", page="hits", act=report_all, roles=HANDLING),
)
