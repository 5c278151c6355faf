"""One hit: what is known of it, what was signed about it, and what a person does about it.

Nobody is asked to show it. Each action is a command of `sigfed hit`, and does as much and no more: nothing here touches
the file itself. The hash is shown by its first digits; the whole of it on demand, once, to those who handle hits.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.access.sessions import Visitor
from node.console.hoster.pages.hits import reported_words
from node.console.hoster.world import EVERYBODY, HANDLING, PartnerWorld
from node.console.languages import translated as _
from node.console.parts import Action, Download, File, Led, Page, Values
from node.errors import UsageError
from node.home import Home
from node.hoster.hits import exchange
from node.hoster.hits.exchange import Shown
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.instructions import FOUND, UNDO
from node.hoster.hits.resolutions import Action as Outcome
from node.hoster.hits.retention import hold as hold_hit
from protocol.statement.case import CaseState
from protocol.statement.case import Outcome as Answered

HIT: Final = "/console/hits/one"


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """Something that happened to the hit."""

    time_ms: int
    kind: str
    """found, reported, told, done, corrected, ended, disputed, upheld or rejected."""
    word: str = ""
    """What became of the file, or who signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneHit:
    """What the page shows."""

    shown: Shown
    case_due_ms: int
    """By when the agency answers a dispute; 0: there is none, or it has."""
    moments: Sequence[Moment]
    outcomes: Sequence[str]
    found: str = FOUND
    """What to do with a file that is on the list, and with one that is not any more."""
    undo: str = UNDO


def gather(world: PartnerWorld, _visitor: Visitor, query: Values) -> OneHit:
    """One hit; raises `NotFoundError`."""
    shown = asyncio.run(exchange.kept(*_held(world, query)))
    return OneHit(
        shown=shown,
        case_due_ms=CaseState.from_bytes(shown.hit.case).due_ms if shown.hit.disputed else 0,
        moments=sorted(_moments(shown)),
        outcomes=[outcome.value for outcome in Outcome],
    )


def report(world: PartnerWorld, _visitor: Visitor, form: Values) -> Led:
    """Tell the agency of it, as `sigfed hit report ID`."""
    home, hit = _held(world, form)
    done = asyncio.run(exchange.report(home, [hit]))
    said = reported_words(done)
    return _done(done.hits[0].id if done.hits else hit, said)


def resolve(world: PartnerWorld, _visitor: Visitor, form: Values) -> Led:
    """Record what became of the file, as `sigfed hit resolve`."""
    try:
        outcome = Outcome(form.require("outcome", _("what became of the file")))
    except ValueError:
        raise UsageError("choose what became of the file") from None
    done = asyncio.run(exchange.resolve(*_held(world, form), outcome))
    recorded = _("What became of the file is recorded.")  # outside of the braces, where extractors find it
    return _done(done.hit.id, f"{recorded} {_(done.said)}")


def dispute(world: PartnerWorld, _visitor: Visitor, form: Values) -> Led:
    """Tell the agency that it is wrong, as `sigfed hit dispute`."""
    reason = form.require("reason", _("the reason"))
    hit = asyncio.run(exchange.dispute(*_held(world, form), reason=reason, contact=form.text("contact")))
    return _done(hit.id, _("It is disputed. Until the agency answers, the hit stands."))


def ask(world: PartnerWorld, _visitor: Visitor, form: Values) -> Led:
    """Ask the agency whether it answered the dispute, as `sigfed hit show` does."""
    shown = asyncio.run(exchange.show(*_held(world, form)))
    said = _("The agency has not answered yet.") if shown.hit.disputed else _("The agency answered.")
    return _done(shown.hit.id, said)


def hold(world: PartnerWorld, _visitor: Visitor, form: Values) -> Led:
    """Keep it from being purged."""
    hit = hold_hit(*_held(world, form), held=True)
    return _done(hit.id, _("It is not purged before somebody says otherwise."))


def unhold(world: PartnerWorld, _visitor: Visitor, form: Values) -> Led:
    """Let it be purged in its time."""
    hit = hold_hit(*_held(world, form), held=False)
    return _done(hit.id, _("It is purged in its time."))


def reveal(world: PartnerWorld, _visitor: Visitor, form: Values) -> Led:
    """Say its whole hash, on the next page that is shown and never again."""
    home, named = _held(world, form)
    hit = hit_spool(home).get(named)
    digest = hit.sent.report.digest
    said = _("The whole {algorithm} hash, shown once: {hash}")
    return _done(hit.id, said.format(algorithm=digest.algorithm.name.lower(), hash=digest.value.hex()))


def take_evidence(world: PartnerWorld, _visitor: Visitor, query: Values) -> File:
    """The proof of a reported hit, as `sigfed hit evidence` writes it."""
    hit, data = asyncio.run(exchange.evidence(*_held(world, query)))
    return File(f"{hit.id[:8]}.evidence", "application/octet-stream", data)


def _held(world: PartnerWorld, form: Values) -> tuple[Home, str]:
    """The home for the subset that a hit is of, and its id."""
    hit = form.require("hit", _("the hit"))
    return world.holding(hit), hit


def _done(hit: str, said: str) -> Led:
    return Led(f"{HIT}?{urlencode({'hit': hit})}", said)


def _moments(shown: Shown) -> Iterator[Moment]:
    hit = shown.hit
    yield Moment(hit.found_ms, "found")
    if shown.receipt is not None:
        yield Moment(shown.receipt.received_ms, "reported", shown.receipt.node)
    for done in hit.before:
        yield Moment(done.done_ms, "corrected", done.action.value)
    if hit.action is not None:
        yield Moment(hit.resolved_ms, "done", hit.action.value)
    if shown.acknowledged is not None:
        yield Moment(shown.acknowledged.received_ms, "told", shown.acknowledged.node)
    if hit.ended_ms:
        yield Moment(hit.ended_ms, "ended")
    if hit.case:
        yield Moment(CaseState.from_bytes(hit.case).opened_ms, "disputed")
    if shown.answer is not None:
        upheld = shown.answer.outcome is Answered.UPHELD
        yield Moment(shown.answer.answered_ms, "upheld" if upheld else "rejected", shown.answer.reason)


PAGES: Final = (Page(name="hit", path=HIT, title="Hit", gather=gather, roles=EVERYBODY),)

ACTIONS: Final = tuple(
    Action(name=f"hit-{name}", path=f"/console/hits/{name}", page="hit", act=act, roles=HANDLING)
    for name, act in (
        ("report", report),
        ("resolve", resolve),
        ("dispute", dispute),
        ("ask", ask),
        ("hold", hold),
        ("unhold", unhold),
        ("reveal", reveal),
    )
)

DOWNLOADS: Final = (
    Download(
        name="evidence",
        path="/console/hits/evidence",
        make=take_evidence,
        roles=HANDLING,
        record="hit.evidence",
        page="hits",
    ),
)
