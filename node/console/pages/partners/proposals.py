"""Files that partners propose: what this node knows of them, taken up after examination or refused.

A proposal lists nothing. Taking files up is an import through the same guards as any other, with the agency's own
examination as its basis; a decision about a file is final, and the partner is told the reason of a refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.access.sessions import Visitor
from node.acts import proposals as acts
from node.app.guards import open_guards
from node.console.languages import translated as _
from node.console.pages.acts import action
from node.console.pages.entries.places import own_lists
from node.console.pages.entries.statements import bases, collections, statement_from
from node.console.parts import Page, Section, Values
from node.console.words import choices
from node.console.world import World
from node.errors import UsageError
from node.partners.proposals.review import SeenProposal, get_proposal, see_proposal
from node.store.partners.records import ProposalRecord
from protocol.lists.event import collection_name
from protocol.statement.proposal_state import FileState

ROWS: Final = 50
_PROPOSAL: Final = "/console/proposals/one"
_TICK: Final = "file-"
"""Before the number of a file in the name of its box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """What the page shows."""

    proposals: Sequence[ProposalRecord]
    first: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the page of one proposal shows."""

    seen: SeenProposal
    lists: Sequence[tuple[str, str]]
    """Own lists that files can be taken up into."""
    bases: Sequence[tuple[str, str]]
    collections: Sequence[tuple[str, str]]

    @property
    def name(self) -> str:
        """As forms and addresses name it."""
        return f"{self.seen.record.partner}/{self.seen.record.proposal_id.hex()}"

    @property
    def waiting(self) -> int:
        """Files that nobody decided yet."""
        return sum(each.record.state == FileState.WAITING for each in self.seen.files)

    @property
    def claim(self) -> str:
        """The collection that the partner holds the files for; empty where it says nothing."""
        return collection_name(self.seen.record.claim) if self.seen.record.claim else ""


def gather(world: World, _visitor: Visitor, query: Values) -> Proposals:
    """Open ones first, of these the oldest."""
    start = query.number("from")
    with world.store.read() as unit:
        found = unit.proposals.page(skip=start, limit=ROWS + 1)
    return Proposals(
        proposals=found[:ROWS],
        first="from=0" if start else "",
        next=urlencode({"from": start + ROWS}) if len(found) > ROWS else "",
    )


def gather_one(world: World, _visitor: Visitor, query: Values) -> Proposal:
    """One proposal with what this node knows of its files; raises `NotFoundError`."""
    record = get_proposal(world.store, query.require("proposal", _("the proposal")))
    return Proposal(
        seen=see_proposal(world.store, open_guards(world.identity, world.store), record),
        lists=choices(own_lists(world)),
        bases=[(name, words) for name, words in bases() if name != "relies-on"],
        collections=[("", _("choose")), *collections()],
    )


def _taken(form: Values) -> acts.Taken:
    proposal, numbers = _chosen(form)
    return acts.Taken(
        proposal=proposal,
        numbers=numbers,
        list=form.require("list", _("the list")),
        collection=form.require("collection", _("the collection")),
        basis=form.text("basis"),
        statement=statement_from(form),
    )


def _refused(form: Values) -> acts.Refused:
    proposal, numbers = _chosen(form)
    return acts.Refused(proposal=proposal, numbers=numbers, reason=form.require("reason", _("the reason")))


def _chosen(form: Values) -> tuple[str, Sequence[int]]:
    """The proposal, and the files whose boxes are ticked; raises `UsageError` when none is."""
    proposal = form.require("proposal", _("the proposal"))
    ticked = [name.removeprefix(_TICK) for name in form if name.startswith(_TICK)]
    numbers = [int(name) for name in ticked if name.isascii() and name.isdigit() and len(name) < 6]
    if not numbers:
        raise UsageError("no file is ticked", hint="tick the files that this is about")
    return proposal, numbers


PAGES: Final = (
    Page(name="proposals", path="/console/proposals", title="Proposals", gather=gather, section=Section.WORK),
    Page(name="proposal", path=_PROPOSAL, title="Proposal", gather=gather_one),
)

ACTIONS: Final = (
    action(
        acts.take, path="/console/proposals/take", page="proposal", to=_PROPOSAL, of="proposal", read=_taken
    ),
    action(
        acts.refuse,
        path="/console/proposals/refuse",
        page="proposal",
        to=_PROPOSAL,
        of="proposal",
        read=_refused,
    ),
)
