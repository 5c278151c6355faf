"""`sigfed person`: who decides at this node. Passphrases are typed or read from files, never given as arguments."""

from pathlib import Path
from typing import Annotated

import typer

from node.acts import persons
from node.cli.acts import do, performing, two_decide
from node.cli.options import AS
from node.cli.output import listing
from node.cli.prompts import ask_hidden
from node.cli.session import session
from node.errors import UsageError
from node.pages.text import counted
from node.store.accounts.records import PersonRole

app = typer.Typer(help="Persons who decide at this node.", no_args_is_help=True)

_FILE = typer.Option(help="File with the new passphrase (mode 600); asked for twice when not given.")


@app.command("add", help=persons.add.help)
@performing(persons.add)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Small letters, digits, dots, hyphens.")],
    role: Annotated[PersonRole, typer.Option(help="What this person does.")] = PersonRole.OPERATOR,
    by: Annotated[str, AS] = "",
    passphrase_file: Annotated[Path | None, _FILE] = None,
) -> None:
    """One of the first two is named at once."""
    here = session(context)
    given = persons.Added(name=name, role=role, passphrase=_new_passphrase(name, passphrase_file))
    do(here, persons.add if two_decide(here) else persons.add_first, given, by=by)


@app.command("remove", help=persons.remove.help)
@performing(persons.remove)
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a person.")],
    by: Annotated[str, AS] = "",
) -> None:
    """Ask for it."""
    here = session(context)
    do(here, persons.remove, persons.Named(name=name), by=by)


@app.command("reset", help=persons.reset.help)
@performing(persons.reset)
def reset(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the person whose passphrase changes.")],
    by: Annotated[str, AS] = "",
    passphrase_file: Annotated[Path | None, _FILE] = None,
    by_root: Annotated[
        bool,
        typer.Option("--by-root", help="A root key decides, when too few can: asks for the root passphrase."),
    ] = False,
) -> None:
    """Ask for it, or have a root key decide."""
    here = session(context)
    given = persons.Reset(name=name, passphrase=_new_passphrase(name, passphrase_file))
    do(here, persons.reset_by_root if by_root else persons.reset, given, by=by)


@app.command("token", help=persons.token.help)
@performing(persons.token)
def token(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Whose; without a name, one of the first two persons names themselves.")
    ] = "",
) -> None:
    """Make it."""
    here = session(context)
    do(here, persons.token, persons.Named(name=name))


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Persons and their roles."""
    here = session(context)
    with here.reading() as store, store.read() as unit:
        known = unit.persons.ls()
    rows = (
        (person.name, person.role, counted(person.tries, "wrong passphrase") if person.tries else "-")
        for person in known
    )
    here.output.each(
        (
            {"person": person.name, "role": person.role, "added_ms": person.added_ms, "tries": person.tries}
            for person in known
        ),
        listing(("person", "role", "state"), rows, none="no persons"),
    )
    if len(known) < 2:
        here.output.following("sigfed person add NAME")


def _new_passphrase(name: str, file: Path | None) -> persons.Passphrase:
    def asked() -> str:
        from node.files import read_private

        if file is not None:
            return read_private(file).rstrip(b"\r\n").decode("utf-8", "replace")
        typed = ask_hidden(f"new passphrase of {name}")
        if ask_hidden("the same again") != typed:
            raise UsageError("the two passphrases differ")
        return typed

    return asked
