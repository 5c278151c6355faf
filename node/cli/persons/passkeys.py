"""`sigfed passkey`: the passkeys with which persons sign in to the console; they are registered there."""

from typing import Annotated

import typer

from node.acts import persons
from node.cli.acts import do, performing
from node.cli.output import listing
from node.cli.session import session

app = typer.Typer(help="Passkeys with which persons sign in to the console.", no_args_is_help=True)


@app.command("ls")
def ls(
    context: typer.Context, person: Annotated[str, typer.Option(help="Only those of this person.")] = ""
) -> None:
    """Passkeys, whose they are, and when they were last used."""
    from node.app.accounts import open_passkeys
    from node.clock import minute

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        found = open_passkeys(identity, store).ls(person)
    rows = (
        (str(one.number), one.person, one.name, minute(one.used_ms) if one.used_ms else "never")
        for one in found
    )
    here.output.each(
        (
            {
                "passkey": one.number,
                "person": one.person,
                "name": one.name,
                "added_ms": one.added_ms,
                "used_ms": one.used_ms,
            }
            for one in found
        ),
        listing(("number", "person", "name", "last used"), rows, none="no passkeys"),
    )
    if not found:
        here.output.following("sigfed person token NAME")


@app.command("remove", help=persons.remove_passkey.help)
@performing(persons.remove_passkey)
def remove(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Number of a passkey: sigfed passkey ls.")],
) -> None:
    """Remove it."""
    here = session(context)
    do(here, persons.remove_passkey, persons.Passkey(passkey=number))
