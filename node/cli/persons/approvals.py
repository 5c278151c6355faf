"""`sigfed approval`: what waits for a second person."""

from itertools import starmap
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.acts import acting_person
from node.cli.options import AS
from node.cli.output import listing
from node.cli.session import session
from node.fields import Fact

if TYPE_CHECKING:
    from node.access.approvals import Approvals
    from node.store.accounts.records import Approval
    from node.store.store import Store

app = typer.Typer(help="What waits for a second person.", no_args_is_help=True)

_ID = typer.Argument(help="Number of a request.")


@app.command("ls")
def ls(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
) -> None:
    """Requests that wait for a second person."""
    from node.app.approvals import open_approvals

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        approvals = open_approvals(identity, store)
        found = [
            (approval, _state(approvals, approval))
            for approval in approvals.ls()
            if everything or approvals.waits(approval)
        ]
        waiting = any(approvals.waits(approval) for approval, _ in found)
    rows = (
        (str(approval.id), approval.kind, approval.subject, approval.requested_by, state)
        for approval, state in found
    )
    here.output.each(
        starmap(_fields, found),
        listing(("id", "kind", "what", "asked by", "state"), rows, none="no requests"),
    )
    if waiting:
        here.output.following("sigfed approval show ID", "sigfed approval approve ID --as NAME")


@app.command("show")
def show(context: typer.Context, number: Annotated[int, _ID]) -> None:
    """What one request would do, and what became of it."""
    from node.app.approvals import open_approvals

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        approvals = open_approvals(identity, store)
        approval = approvals.get(number)
        state, waits = _state(approvals, approval), approvals.waits(approval)
        words = _words(store, approval)
    here.output.result(_fields(approval, state), *words, f"  state: {state}")
    if waits:
        here.output.following(
            f"sigfed approval approve {number} --as NAME",
            f"sigfed approval reject {number} --reason TEXT --as NAME",
        )


@app.command("approve")
def approve(context: typer.Context, number: Annotated[int, _ID], by: Annotated[str, AS] = "") -> None:
    """Approve somebody else's request, and carry it out; run again after a crash, it finishes."""
    from node.app.approvals import approve as run
    from node.app.approvals import open_approvals

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        here.output.talk(*_words(store, open_approvals(identity, store).get(number)))
        who = acting_person(here, by)
        done = run(identity, store, number, by=who)
    here.output.result(_fields(done, "approved"), f"request {done.id} approved by {who}: {done.result}")
    here.output.following("sigfed audit ls")


@app.command("reject")
def reject(
    context: typer.Context,
    number: Annotated[int, _ID],
    reason: Annotated[str, typer.Option(help="Why, for whoever asked; no hashes.")],
    by: Annotated[str, AS] = "",
) -> None:
    """Reject somebody else's request; nothing changes."""
    from node.app.approvals import open_approvals
    from node.app.approvals import reject as run

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        here.output.talk(*_words(store, open_approvals(identity, store).get(number)))
        who = acting_person(here, by)
        done = run(identity, store, number, by=who, reason=reason)
    here.output.result(_fields(done, "rejected"), f"request {done.id} rejected by {who}: nothing was changed")
    here.output.following("sigfed approval ls")


def _state(approvals: "Approvals", approval: "Approval") -> str:
    if approvals.is_expired(approval):
        return "expired"
    if approval.cut_off:
        return "approved, not carried out: approve it again"
    return approval.outcome.value


def _words(store: "Store", approval: "Approval") -> tuple[str, ...]:
    from node.access.approvals import KINDS
    from node.app.recall import places_of

    return (
        f"request {approval.id}, {approval.kind}: {KINDS[approval.kind].words}",
        f"  what: {approval.subject}",
        *(f"  about: {place}" for place in places_of(store, approval)),
        f"  asked by: {approval.requested_by}",
    )


def _fields(approval: "Approval", state: str) -> dict[str, Fact]:
    return {
        "approval": approval.id,
        "kind": approval.kind,
        "subject": approval.subject,
        "requested_by": approval.requested_by,
        "requested_ms": approval.requested_ms,
        "state": state,
        "decided_by": approval.decided_by or None,
        "decided_ms": approval.decided_ms,
        "reason": approval.reason,
        "result": approval.result,
    }
