"""Disputes of partners, the most urgent first, the signed answers to them, and what the agency itself disputes.

An answer is for good and the partner may show it to anybody. What it leaves to be done follows from whose lists are
behind the hit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.access.sessions import Visitor
from node.acts import cases as acts
from node.app.partners.answers import answer_given, entries_behind
from node.app.partners.hits import casework
from node.console.languages import translated as _
from node.console.pages.acts import action
from node.console.pages.entries.places import Place
from node.console.parts import Page, Section, Values
from node.console.world import World
from node.errors import UsageError
from node.judgement.own_disputes import own_disputes
from node.partners.hits.cases import Case, get_case
from node.store.hits.records import CaseRecord
from protocol.statement.case import CaseAnswer, Outcome

ROWS: Final = 50
_DISPUTE: Final = "/console/disputes/one"
_OUTCOMES: Final = {"upheld": Outcome.UPHELD, "rejected": Outcome.REJECTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputes:
    """What the page shows."""

    cases: Sequence[CaseRecord]
    open: int
    overdue: int
    first: str
    next: str
    own: Sequence["Own"]
    """What this agency's lists dispute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A hash that a list of this agency disputes."""

    place: Place
    algorithm: str
    value: bytes
    """Shown shortened only."""
    state: str
    """A `DisputeState`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An entry behind the disputed hit."""

    origin: str
    index: int
    node: str
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """What the page of one case shows."""

    case: Case
    sources: Sequence[Source]
    answer: CaseAnswer | None

    @property
    def own(self) -> Sequence[Source]:
        """Those that this agency can withdraw."""
        return [source for source in self.sources if source.own]

    @property
    def theirs(self) -> Sequence[str]:
        """Other agencies whose entries are behind it."""
        return sorted({source.node for source in self.sources if not source.own})


def gather(world: World, _visitor: Visitor, query: Values) -> Disputes:
    """Open ones first, of these the one that is due first."""
    start, now_ms = query.number("from"), world.now_ms
    cases = casework(world.identity, world.store).ls()
    waiting = [case for case in cases if case.answered_ms is None]
    return Disputes(
        cases=cases[start : start + ROWS],
        open=len(waiting),
        overdue=sum(case.due_ms <= now_ms for case in waiting),
        first="from=0" if start else "",
        next=urlencode({"from": start + ROWS}) if len(cases) > start + ROWS else "",
        own=[] if start else _own(world),
    )


def _own(world: World) -> list[Own]:
    found = own_disputes(world.store, world.judge.some(()), world.node)
    return [
        Own(
            place=Place(each.origin, each.index),
            algorithm=each.digest.algorithm.name.lower(),
            value=each.digest.value,
            state=each.state.value,
        )
        for each in found
    ]


def gather_one(world: World, _visitor: Visitor, query: Values) -> Dispute:
    """One case with the partner's words; raises `NotFoundError`."""
    record = get_case(world.store, query.require("case", _("the case")))
    sources = [
        Source(origin=origin, index=index, node=node, own=node == world.node)
        for origin, index in entries_behind(world.identity, world.store, record)
        for node in [origin.partition("/")[0]]
    ]
    return Dispute(
        case=casework(world.identity, world.store).show(record),
        sources=sources,
        answer=answer_given(world.identity, record),
    )


def _answer(form: Values) -> acts.Answer:
    name = form.require("case", _("the case"))
    outcome = _OUTCOMES.get(form.require("outcome", _("the answer")))
    reason, source = form.require("reason", _("the reason")), form.text("withdraw")
    if outcome is None:
        raise UsageError("a dispute is upheld or rejected")
    if source and outcome is not Outcome.UPHELD:
        raise UsageError(
            "a file is withdrawn only where the partner is right",
            hint="choose that it is upheld, or leave the entry in its list",
        )
    if not form.ticked("final"):
        raise UsageError("the answer is signed and cannot be taken back", hint="tick that you mean it")
    return acts.Answer(case=name, outcome=outcome, reason=reason, withdraw=source)


PAGES: Final = (
    Page(name="disputes", path="/console/disputes", title="Disputes", gather=gather, section=Section.WORK),
    Page(name="dispute", path=_DISPUTE, title="Dispute", gather=gather_one),
)

ACTIONS: Final = (
    action(
        acts.answer,
        path="/console/disputes/answer",
        page="dispute",
        to=_DISPUTE,
        of="case",
        name="dispute-answer",
        read=_answer,
    ),
)
