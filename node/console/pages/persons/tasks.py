"""What takes a second person: requests that wait, whom they wait for, and the word of a second person.

Who may decide what is `node.access.approvals`'s to say; this page only tells beforehand what it will say. What
carries an approved request out is what the command uses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from node.access.approvals import KINDS, Approvals
from node.access.sessions import Visitor
from node.acts.act import JUDGES
from node.app import approvals as carried_out
from node.app import quarantine
from node.app.recall import READMISSION, places_of
from node.console.languages import translated as _
from node.console.pages.entries.places import Place
from node.console.pages.entries.recalls import PATH as WITHDRAWALS
from node.console.pages.lists.quarantine import ASIDE
from node.console.parts import Action, Led, Page, Section, Values
from node.console.world import World
from node.store.accounts.records import Approval, Outcome, PersonRole

ROWS: Final = 50
_TASK: Final = "/console/tasks/request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One request, as somebody looks at it."""

    approval: Approval
    words: str
    """What approving it does."""
    deciders: Sequence[PersonRole]
    until_ms: int
    waits: bool
    own: bool
    """Whether the visitor asked for it."""
    yours: bool
    """Whether the visitor may decide it."""
    look: str = ""
    """On its own page, the page of what it is about; empty where the request says all."""
    places: Sequence[Place] = ()
    """On its own page, the entries and disputes that it is about."""

    @property
    def state(self) -> str:
        """In one word: waits, cut off, expired, rejected or approved."""
        if self.approval.cut_off:
            return "cut off"
        if self.waits:
            return "waits"
        return "expired" if self.approval.outcome is Outcome.OPEN else self.approval.outcome.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """What the page shows."""

    yours: Sequence[Task]
    others: Sequence[Task]
    ended: Sequence[Task]
    """Newest first."""
    first: str
    next: str


def gather(world: World, visitor: Visitor, query: Values) -> Tasks:
    """Waiting requests, oldest first, and those that ended."""
    approvals = carried_out.open_approvals(world.identity, world.store)
    before = query.number("before")
    seen = [_task(approvals, approval, visitor) for approval in approvals.ls()]
    waiting = [task for task in seen if task.waits]
    ended = [task for task in reversed(seen) if not task.waits and not 0 < before <= task.approval.id]
    shown = ended[:ROWS]
    return Tasks(
        yours=[task for task in waiting if task.yours],
        others=[task for task in waiting if not task.yours],
        ended=shown,
        first="before=0" if before else "",
        next=f"before={shown[-1].approval.id}" if len(ended) > ROWS else "",
    )


def gather_one(world: World, visitor: Visitor, query: Values) -> Task:
    """One request; raises `NotFoundError`."""
    query.require("number", _("the number of the request"))
    approvals = carried_out.open_approvals(world.identity, world.store)
    approval = approvals.get(query.number("number"))
    places = [Place(each.origin, each.index) for each in places_of(world.store, approval)]
    return replace(_task(approvals, approval, visitor), look=_look(approval, places), places=places)


def approve(world: World, visitor: Visitor, form: Values) -> Led:
    """Decide for it and carry it out."""
    done = carried_out.approve(world.identity, world.store, _number(form), by=visitor.person)
    return Led(
        f"{_TASK}?number={done.id}",
        _("Request {number} was approved: {result}").format(number=done.id, result=_(done.result)),
    )


def reject(world: World, visitor: Visitor, form: Values) -> Led:
    """Decide against it; nothing is changed."""
    reason = form.require("reason", _("the reason"))
    done = carried_out.reject(world.identity, world.store, _number(form), by=visitor.person, reason=reason)
    return Led(
        f"{_TASK}?number={done.id}",
        _("Request {number} was rejected: nothing was changed").format(number=done.id),
    )


def _number(form: Values) -> int:
    form.require("number", _("the number of the request"))
    return form.number("number")


def _task(approvals: Approvals, approval: Approval, visitor: Visitor) -> Task:
    kind, waits = KINDS[approval.kind], approvals.waits(approval)
    own = approval.requested_by == visitor.person
    return Task(
        approval=approval,
        words=kind.words,
        deciders=[role for role in PersonRole if role in kind.may_approve],
        until_ms=approvals.until_ms(approval),
        waits=waits,
        own=own,
        yours=waits and not own and visitor.role in kind.may_approve,
    )


def _look(approval: Approval, places: Sequence[Place]) -> str:
    if approval.kind == quarantine.KIND:
        return f"{ASIDE}?{urlencode({'id': quarantine.of_request(approval)})}"
    if approval.kind == READMISSION:
        return f"{WITHDRAWALS}?view=shredded"
    # Of what was shredded already there is no page any more.
    return places[0].entry if places and approval.acted_ms is None else ""


PAGES: Final = (
    Page(name="tasks", path="/console/tasks", title="Tasks", gather=gather, section=Section.WORK, live=True),
    Page(name="task", path=_TASK, title="Request", gather=gather_one),
)

ACTIONS: Final = (
    Action(name="approve", path="/console/tasks/approve", page="task", act=approve, roles=JUDGES, fresh=True),
    Action(name="reject", path="/console/tasks/reject", page="task", act=reject, roles=JUDGES, fresh=True),
)
