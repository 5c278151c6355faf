"""One hit that a partner reported: which entries are behind it, what the partner said, and what was done when.

The hash is not shown here: the page of an entry reveals it to those who may see it, on record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.console.languages import translated as _
from node.console.parts import Action, Done, Page, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.judgement.quarantine import FLOOD
from node.partners.hits.cases import get_hit
from node.partners.hits.handle import close_hit, hold_hit
from node.partners.hits.instructions import UNDO_REPORT
from node.partners.hits.overview import ReportedHit, reported_hit
from node.store.accounts.records import PersonRole
from node.store.hits.records import HitRecord
from node.store.lists.records import LogKind
from protocol.statement.case import Outcome
from protocol.statement.resolution import Action as FileAction

HIT: Final = "/console/hits/one"
_HANDLING: Final = frozenset({PersonRole.ANALYST, PersonRole.OPERATOR})


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
    record = get_hit(world.shelf, query.require("hit", _("the hit")))
    hit, said = reported_hit(world.shelf, record)
    with world.shelf.storage.read() as unit:
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


def close(world: World, _visitor: Visitor, form: Values) -> Done:
    """Mark it as dealt with."""
    record = _named(world, form)
    close_hit(world.shelf, record, now_ms=world.now_ms)
    return _done(record, _("It counts as dealt with."))


def hold(world: World, _visitor: Visitor, form: Values) -> Done:
    """Keep it from being purged."""
    record = _named(world, form)
    hold_hit(world.shelf, record, held_ms=world.now_ms)
    return _done(record, _("It is not purged before somebody says otherwise."))


def unhold(world: World, _visitor: Visitor, form: Values) -> Done:
    """Let it be purged in its time."""
    record = _named(world, form)
    hold_hit(world.shelf, record, held_ms=None)
    return _done(record, _("It is purged in its time."))


def _named(world: World, form: Values) -> HitRecord:
    return get_hit(world.shelf, form.require("hit", _("the hit")))


def _done(record: HitRecord, said: str) -> Done:
    name = f"{record.partner}/{record.report_id.hex()}"
    return Done(f"{HIT}?{urlencode({'hit': name})}", said)


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
    Action(
        name=f"hit-{name}",
        path=f"/console/hits/{name}",
        page="hit",
        act=act,
        roles=_HANDLING,
        record=f"hit.{name}",
        told=("hit",),
    )
    for name, act in (("close", close), ("hold", hold), ("unhold", unhold))
)
