"""`sigfed proposal`: one noun in two homes. A partner sees what became of its proposals; an agency decides."""

from typing import Annotated

import typer

from node.acts import proposals
from node.cli.acts import do, performing
from node.cli.options import ALL_WAITING, CRITERIA, ID, LIST_TO_ADD_TO, YES
from node.cli.prompts import confirm
from node.cli.session import session

app = typer.Typer(help="Files that partners propose to agencies.", no_args_is_help=True)

_Id = Annotated[str, ID]
_Files = Annotated[
    list[int] | None,
    typer.Option("--file", min=1, help="Number of a file; repeatable; default: all that wait."),
]


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Proposals: those made here, or, at an agency, those of its partners."""
    here = session(context)
    if here.is_agency:
        from node.cli.partners.proposals import list_received

        list_received(here)
        return
    from node.cli.hoster.proposals import list_proposals

    list_proposals(here)


@app.command("show")
def show(
    context: typer.Context,
    text: _Id,
    hashes: Annotated[bool, typer.Option("--hashes", help="Print the hashes as well.")] = False,
) -> None:
    """One proposal, file by file; a partner's command asks the agency while something waits there."""
    here = session(context)
    if here.is_agency:
        from node.cli.partners.proposals import show_received

        show_received(here, text, hashes=hashes)
        return
    from node.cli.hoster.proposals import show_proposal

    show_proposal(here, text, hashes=hashes)


@app.command("send")
def send(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Proposals to send.")] = None,
    every: Annotated[bool, ALL_WAITING] = False,
) -> int:
    """Send proposals that could not be sent before; they were agreed to when they were made."""
    from node.cli.hoster.proposals import send_waiting

    return send_waiting(session(context), ids or [], every=every)


@app.command("withdraw")
def withdraw(context: typer.Context, text: _Id) -> None:
    """Take back what nobody at the agency has decided yet; the agency's node deletes its hashes."""
    from node.cli.hoster.proposals import withdraw_proposal

    withdraw_proposal(session(context), text)


@app.command("take")
@performing(proposals.take)
def take(
    context: typer.Context,
    text: _Id,
    to: Annotated[str, LIST_TO_ADD_TO],
    basis: Annotated[str, typer.Option(help="own (we hold the material), reviewed (we examined it).")],
    collection: Annotated[
        str, typer.Option(help="Where the files belong: baseline, national, investigative, other.")
    ],
    numbers: _Files = None,
    criteria: Annotated[int, CRITERIA] = 1,
    review_by: Annotated[str, typer.Option(help="Day to look at them again, YYYY-MM-DD.")] = "",
    legality: Annotated[
        list[str] | None,
        typer.Option(help="Where it is known to be illegal, as NL=illegal; repeatable."),
    ] = None,
    yes: Annotated[bool, YES] = False,
) -> None:
    """At an agency: take files into one of its lists, after its own examination; they wait for publication."""
    from node.cli.entries.statements import statement_of

    here = session(context)
    statement = statement_of(
        basis=basis, criteria=criteria, source="", review_by=review_by, legality=legality
    )
    confirm(f"This states, signed, that the files were examined here (basis {basis}). Go on?", yes=yes)
    given = proposals.Taken(
        proposal=text,
        numbers=numbers or [],
        list=here.own_list(to),
        collection=collection,
        basis=basis,
        statement=statement,
    )
    do(here, proposals.take, given)


@app.command("refuse")
@performing(proposals.refuse)
def refuse(
    context: typer.Context,
    text: _Id,
    reason: Annotated[
        str, typer.Option(help="Why, in one line that the partner is told; it should not speak of lists.")
    ],
    numbers: _Files = None,
) -> None:
    """At an agency: refuse files for good; the partner is told the reason."""
    here = session(context)
    given = proposals.Refused(proposal=text, numbers=numbers or [], reason=reason)
    do(here, proposals.refuse, given)
