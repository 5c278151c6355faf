"""`sigfed case`: partners' disputes, the most urgent first, and the agency's signed answers."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from node.acts import cases
from node.cli.acts import do, performing
from node.cli.options import YES
from node.cli.output import listing, moment, spelled
from node.cli.prompts import confirm
from node.cli.session import session
from node.fields import Fact
from node.short_ids import SHORT

if TYPE_CHECKING:
    from node.store.hits.records import CaseRecord
    from protocol.statement.case import PartnerDispute

app = typer.Typer(help="Disputes of partners.", no_args_is_help=True)

_Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the reported hit, or the first digits of it.")]


class Answer(StrEnum):
    """How a dispute is answered."""

    UPHELD = "upheld"
    REJECTED = "rejected"


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Cases: overdue ones first, then by the day they are due, answered ones last."""
    from node.app.partners.hits import casework

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        work = casework(identity, store)
        found, overdue = work.ls(), {(case.partner, case.report_id) for case in work.overdue()}
    rows = (
        (
            case.report_id.hex()[:SHORT],
            case.partner,
            case.subset,
            moment(case.due_ms),
            _state(case, late=(case.partner, case.report_id) in overdue),
        )
        for case in found
    )
    here.output.each(
        (_facts(case, late=(case.partner, case.report_id) in overdue) for case in found),
        listing(("id", "partner", "subset", "due", "state"), rows, none="no cases"),
    )
    here.output.following("sigfed case show ID" if found else "sigfed status")


@app.command("show")
def show(context: typer.Context, text: _Id) -> None:
    """One case: what the partner says, who lists the file, and what can be done."""
    from node.app.partners.answers import entries_behind
    from node.app.partners.hits import casework
    from node.partners.hits.cases import get_case

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        record = get_case(store, text)
        work = casework(identity, store)
        case, late = work.show(record), record in work.overdue()
        listed = entries_behind(identity, store, record)
    here.output.result(
        _facts(record, late=late) | _words(case.dispute, listed),
        f"{spelled(record.report_id.hex())}: disputed by {record.partner}, {moment(record.opened_ms)}",
        f"  {_state(record, late=late)}; due {moment(record.due_ms)}",
        f"  they say: {case.dispute.reason}",
        *([f"  contact: {case.dispute.contact}"] if case.dispute.contact else []),
        *(f"  listed: {origin}, entry {index}" for origin, index in listed),
    )
    if record.answered_ms is None:
        here.output.following(
            f"sigfed case answer {record.report_id.hex()[:SHORT]} --outcome upheld|rejected --reason TEXT"
        )


@app.command("answer")
@performing(cases.answer)
def answer(
    context: typer.Context,
    text: _Id,
    outcome: Annotated[Answer, typer.Option(help="Whether the partner is right.")],
    reason: Annotated[
        str, typer.Option(help="Your reason, in one line; the partner may show it to anybody.")
    ],
    withdraw: Annotated[
        bool,
        typer.Option("--withdraw", help="Also withdraw the file from one of your lists, as listed in error."),
    ] = False,
    name: Annotated[str, typer.Option("--list", help="That list.")] = "",
    yes: Annotated[bool, YES] = False,
) -> None:
    """Answer a dispute, signed and for good; the partner fetches the answer."""
    from node.errors import UsageError
    from protocol.statement.case import Outcome

    here = session(context)
    if withdraw != bool(name) or (withdraw and outcome is not Answer.UPHELD):
        raise UsageError("--withdraw needs one of your lists (--list) and --outcome upheld")
    confirm("The answer is signed and cannot be taken back. Go on?", yes=yes)
    given = cases.Answer(
        case=text,
        outcome=Outcome[outcome.name],
        reason=reason,
        withdraw=here.own_list(name) if withdraw else "",
    )
    do(here, cases.answer, given)


def _facts(case: "CaseRecord", *, late: bool) -> dict[str, Fact]:
    return {
        "case": case.report_id.hex(),
        "partner": case.partner,
        "subset": case.subset,
        "opened_ms": case.opened_ms,
        "due_ms": case.due_ms,
        "state": _state(case, late=late),
    }


def _words(dispute: "PartnerDispute", listed: list[tuple[str, int]]) -> dict[str, Fact]:
    sources: list[Fact] = [{"list": origin, "index": index} for origin, index in listed]
    return {"reason": dispute.reason, "contact": dispute.contact, "sources": sources}


def _state(case: "CaseRecord", *, late: bool) -> str:
    from protocol.statement.case import Outcome

    if case.outcome is not None:
        return Outcome(case.outcome).name.lower()
    return "overdue" if late else "open"
