"""Files that partners propose: what this node knows of them, taken up after examination or refused.

A proposal lists nothing. Taking files up is an import through the same guards as any other, with the agency's own
examination as its basis; a decision about a file is final, and the partner is told the reason of a refusal.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from node.app.guards import open_guards
from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.pages.entries.places import own_lists
from node.console.pages.entries.statements import bases, statement_from
from node.console.parts import ANALYSTS, Action, Done, Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import UsageError
from node.partners.proposals.review import (
    SeenProposal,
    Taken,
    get_proposal,
    refuse,
    see_proposal,
    take_up,
)
from node.store.partners.records import ProposalRecord
from protocol.lists.event import collection_name, collection_number
from protocol.statement.proposal_state import FileState

ROWS: Final = 50
_PROPOSAL: Final = "/console/proposals/one"
_TICK: Final = "file-"
"""Before the number of a file in the name of its box."""
_COLLECTIONS: Final = ("baseline", "national", "investigative", "other")


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
    lists: Sequence[str]
    """Own lists that files can be taken up into."""
    bases: Sequence[tuple[str, str]]
    collections: Sequence[str]

    @property
    def name(self) -> str:
        """As forms and addresses name it."""
        return _name(self.seen.record)

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
    with world.shelf.storage.read() as unit:
        found = unit.proposals.page(skip=start, limit=ROWS + 1)
    return Proposals(
        proposals=found[:ROWS],
        first="from=0" if start else "",
        next=urlencode({"from": start + ROWS}) if len(found) > ROWS else "",
    )


def gather_one(world: World, _visitor: Visitor, query: Values) -> Proposal:
    """One proposal with what this node knows of its files; raises `NotFoundError`."""
    record = get_proposal(world.shelf, query.require("proposal", _("the proposal")))
    return Proposal(
        seen=see_proposal(world.shelf, open_guards(world.identity, world.shelf), record),
        lists=own_lists(world),
        bases=[(name, words) for name, words in bases() if name != "relies-on"],
        collections=_COLLECTIONS,
    )


def take(world: World, _visitor: Visitor, form: Values) -> Done:
    """Take files up into an own list; they wait for publication."""
    record, numbers = _chosen(world, form)
    done = take_up(
        world.shelf,
        open_guards(world.identity, world.shelf),
        record,
        numbers,
        origin=form.require("list", _("the list")),
        collection=collection_number(form.require("collection", _("the collection"))),
        statement=statement_from(form),
        now_ms=world.now_ms,
    )
    return Done(_path(record), " ".join([_taken(done), *_held(done)]))


def turn_down(world: World, _visitor: Visitor, form: Values) -> Done:
    """Refuse files; the partner is told the reason."""
    record, numbers = _chosen(world, form)
    reason = form.require("reason", _("the reason"))
    count = len(refuse(world.shelf, record, numbers, reason=reason, now_ms=world.now_ms))
    said = translated_plural(
        "{count} file was refused; {partner} is told the reason.",
        "{count} files were refused; {partner} is told the reason.",
        count,
    )
    return Done(_path(record), said.format(count=count, partner=record.partner))


def _chosen(world: World, form: Values) -> tuple[ProposalRecord, Collection[int]]:
    """The proposal, and the files whose boxes are ticked; raises `UsageError` when none is."""
    record = get_proposal(world.shelf, form.require("proposal", _("the proposal")))
    ticked = [name.removeprefix(_TICK) for name in form if name.startswith(_TICK)]
    numbers = [int(name) for name in ticked if name.isascii() and name.isdigit() and len(name) < 6]
    if not numbers:
        raise UsageError("no file is ticked", hint="tick the files that this is about")
    return record, numbers


def _taken(done: Taken) -> str:
    count = len(done.taken)
    said = translated_plural(
        "{count} file was taken up: {entries} new entries wait for publication, {listed} were listed already.",
        "{count} files were taken up: {entries} new entries wait for publication, {listed} were listed already.",
        count,
    )
    return said.format(count=count, entries=done.imported.entries, listed=done.imported.already_listed)


def _held(done: Taken) -> Sequence[str]:
    reasons = {row.line: row.reason for row in done.imported.refused}
    return [
        _("File {number} goes on waiting: {reason}.").format(
            number=number,
            reason=_("a guard set it aside")
            if number in done.imported.set_aside
            else reasons.get(number, _("its hashes were deleted here")),
        )
        for number in done.held
    ]


def _name(record: ProposalRecord) -> str:
    return f"{record.partner}/{record.proposal_id.hex()}"


def _path(record: ProposalRecord) -> str:
    return f"{_PROPOSAL}?{urlencode({'proposal': _name(record)})}"


PAGES: Final = (
    Page(name="proposals", path="/console/proposals", title="Proposals", gather=gather, section=Section.WORK),
    Page(name="proposal", path=_PROPOSAL, title="Proposal", gather=gather_one),
)

ACTIONS: Final = (
    Action(
        name="proposal-take",
        path="/console/proposals/take",
        page="proposal",
        act=take,
        roles=ANALYSTS,
        record="proposal.take",
        told=("proposal", "list", "collection", "basis"),
    ),
    Action(
        name="proposal-refuse",
        path="/console/proposals/refuse",
        page="proposal",
        act=turn_down,
        roles=ANALYSTS,
        record="proposal.refuse",
        strict=True,
        told=("proposal", "reason"),
    ),
)
