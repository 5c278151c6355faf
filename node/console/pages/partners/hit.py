"""One hit that a partner reported: which entries are behind it, what the partner said, and what was done when.

The hash is not shown here: the page of an entry reveals it to those who may see it, on record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from node.access.sessions import Visitor
from node.acts import hits
from node.console.languages import translated as _
from node.console.pages.acts import action
from node.console.parts import Page, Values
from node.console.world import World
from node.partners.hits.cases import get_hit
from node.partners.hits.instructions import UNDO_REPORT
from node.partners.hits.overview import ReportedHit, reported_hit
from node.store.lists.records import FLOOD, LogKind
from protocol.statement.case import Outcome
from protocol.statement.resolution import Action as FileAction

HIT: Final = "/console/hits/one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An entry behind the hit."""

    origin: str
    index: int
    flood: int
    """Number in the quarantine where many partners report it at once; 0: it is not there."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """Something that happened to the hit."""

    time_ms: int
    kind: str
    """received, said, corrected, disputed, upheld, rejected, ended, closed or held."""
    word: str = ""
    """What the partner said became of the file."""
    told_ms: int = 0
    """When it told that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What the page shows."""

    hit: ReportedHit
    sources: Sequence[Source]
    moments: Sequence[Moment]
    undo: str = UNDO_REPORT
    """What to do when no release lists it any more."""


def gather(world: World, _visitor: Visitor, query: Values) -> Hit:
    """One report; raises `NotFoundError`."""
    record = get_hit(world.store, query.require("hit", _("the hit")))
    hit, said = reported_hit(world.store, record)
    with world.store.read() as unit:
        origins = {log.id: log.origin for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)}
        floods = {
            (origins.get(one.log_id, ""), one.first): one.id
            for one in unit.quarantine.ls()
            if one.kind == FLOOD
        }
    moments = [
        Moment(
            one.done_ms,
            "said" if one is said[-1] else "corrected",
            FileAction(one.action).name.lower().replace("_", " "),
            one.received_ms,
        )
        for one in said
    ]
    return Hit(
        hit=hit,
        sources=[
            Source(
                origin=source.origin,
                index=source.position,
                flood=floods.get((source.origin, source.position), 0),
            )
            for source in hit.sources
        ],
        moments=sorted([*moments, *_handled(hit)]),
    )


def _handled(hit: ReportedHit) -> Iterator[Moment]:
    record, case = hit.record, hit.case
    yield Moment(record.received_ms, "received")
    if record.ended_ms is not None:
        yield Moment(record.ended_ms, "ended")
    if record.closed_ms is not None:
        yield Moment(record.closed_ms, "closed")
    if record.held_ms is not None:
        yield Moment(record.held_ms, "held")
    if case is not None:
        yield Moment(case.opened_ms, "disputed")
        if case.answered_ms is not None:
            yield Moment(case.answered_ms, "upheld" if case.outcome == Outcome.UPHELD else "rejected")


PAGES: Final = (Page(name="hit", path=HIT, title="Hit", gather=gather),)

ACTIONS: Final = tuple(
    action(act, path=f"/console/hits/{act.verb}", page="hit", to=HIT, of="hit")
    for act in (hits.close, hits.hold, hits.unhold)
)
