"""Files that partners proposed: taken up after this agency's own examination, or refused for good."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from keys.message import Message
from node.acts.act import ANALYSTS, Done, Field, Node, act
from node.fields import Fact
from node.short_ids import SHORT

if TYPE_CHECKING:
    from node.lists.imports.intake import Statement
    from node.partners.proposals.review import Taken as TakenUp
    from node.store.partners.records import ProposalRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Files of a proposal: the first digits of its id, perhaps after `PARTNER/`; no numbers: all that wait."""

    proposal: Annotated[str, Field(record=True)]
    numbers: Annotated[Sequence[int], Field(record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken(Chosen):
    """Where to list them, and what is stated."""

    list: Annotated[str, Field(record=True)]
    """Its origin."""
    collection: Annotated[str, Field(record=True)]
    basis: Annotated[str, Field(record=True)]
    """As it is typed; it stands in the statement too."""
    statement: Annotated["Statement", Field(record=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Chosen):
    """Why they are not taken up; the partner is told."""

    reason: Annotated[str, Field(record=True)]


@act("proposal.take", roles=ANALYSTS, lists=True)
def take(node: Node, given: Taken) -> Done:
    """Take files up into an own list, after its own examination; they wait for publication."""
    from node.access.notation import collection_of
    from node.app.guards import open_guards
    from node.lists.continuation import require_open
    from node.partners.proposals.review import get_proposal, take_up

    require_open(node.identity.trust.document(), given.list)
    record = get_proposal(node.store, given.proposal)
    done = take_up(
        node.store,
        open_guards(node.identity, node.store),
        record,
        given.numbers,
        origin=given.list,
        collection=collection_of(given.collection),
        statement=given.statement,
        now_ms=node.identity.now_ms,
    )
    report, short = done.imported, record.proposal_id.hex()[:SHORT]
    taken = Message.counted(
        "{count} file was taken up: {entries} new entries wait for publication, {listed} were listed already.",
        "{count} files were taken up: {entries} new entries wait for publication, {listed} were listed already.",
        len(done.taken),
        report.entries,
        report.already_listed,
    )
    return Done(
        said=Message.joined(" ", [taken, *_waiting(done)]),
        facts={
            **_named(record),
            "taken_up": len(done.taken),
            "waiting": len(done.held),
            "entries": report.entries,
            "already_listed": report.already_listed,
            "quarantined": report.quarantined,
        },
        following=(
            *(["sigfed publish"] if report.entries else []),
            *(["sigfed quarantine ls"] if report.quarantined else []),
            *([f"sigfed proposal show {short}"] if done.held else []),
            *([] if report.entries or done.held else ["sigfed proposal ls"]),
        ),
    )


@act("proposal.refuse", roles=ANALYSTS, irreversible=True)
def refuse(node: Node, given: Refused) -> Done:
    """Do not take files up; final, and the partner is told the reason."""
    from node.partners.proposals.review import get_proposal
    from node.partners.proposals.review import refuse as turn_down

    record, now_ms = get_proposal(node.store, given.proposal), node.identity.now_ms
    refused = turn_down(node.store, record, given.numbers, reason=given.reason, now_ms=now_ms)
    return Done(
        said=Message.counted(
            "{count} file was refused; {partner} is told the reason.",
            "{count} files were refused; {partner} is told the reason.",
            len(refused),
            record.partner,
        ),
        facts={**_named(record), "refused": len(refused)},
        following=("sigfed proposal ls",),
    )


def _waiting(done: "TakenUp") -> Iterator[Message]:
    reasons = {row.line: row.reason for row in done.imported.refused}
    for number in done.held:
        if number in done.imported.set_aside:
            reason: str = Message("a guard set it aside")
        else:
            reason = reasons.get(number, Message("its hashes were deleted here"))
        yield Message("File {number} still waits: {reason}.", number, reason)


def _named(record: "ProposalRecord") -> dict[str, Fact]:
    return {"proposal": record.proposal_id.hex(), "partner": record.partner}
