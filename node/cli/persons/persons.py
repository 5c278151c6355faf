"""`sigfed person`: who decides at this node. Passphrases are typed or read from files, never given as arguments."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import AS
from node.cli.output import counted, listing
from node.cli.persons.actor import acting_person, tell_requested
from node.cli.prompts import ask_hidden
from node.cli.session import Session, session
from node.errors import UsageError
from node.store.accounts.records import PersonRole

app = typer.Typer(help="Persons who decide at this node.", no_args_is_help=True)

_FILE = typer.Option(help="File with the new passphrase (mode 600); asked for twice when not given.")


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Small letters, digits, dots, hyphens.")],
    role: Annotated[PersonRole, typer.Option(help="What this person does.")] = PersonRole.OPERATOR,
    by: Annotated[str, AS] = "",
    passphrase_file: Annotated[Path | None, _FILE] = None,
) -> None:
    """Let somebody decide here; from the third person on another person must approve it."""
    from node.access.persons import person_words
    from node.app.persons import open_persons
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        persons = open_persons(identity, shelf)
        first = not persons.is_open()
    if not first:
        _request(here, "person.add", name, by=by, role=role, file=passphrase_file)
        return
    passphrase = _new_passphrase(name, passphrase_file)
    with open_shelf(identity) as shelf:
        persons = open_persons(identity, shelf)
        person = persons.add(name, role, passphrase)
        enough = persons.is_open()
    here.output.result({"person": person.name, "role": person.role}, person_words(name, person.role))
    here.output.following(
        "what takes two persons can be asked for now; see sigfed approval ls"
        if enough
        else "add a second person: sigfed person add NAME"
    )


@app.command("remove")
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a person.")],
    by: Annotated[str, AS] = "",
) -> None:
    """Ask for another person's approval that somebody decides here no more."""
    _request(session(context), "person.remove", name, by=by, role=None, file=None)


@app.command("reset")
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
    """Give somebody another passphrase; another person must approve it."""
    here = session(context)
    if not by_root:
        _request(here, "person.reset", name, by=by, role=None, file=passphrase_file)
        return
    from node.app.persons import reset_with_root
    from node.rotation.store import open_shelf

    identity = here.identity()
    with open_shelf(identity) as shelf:
        reset_with_root(identity, shelf, name, lambda: _new_passphrase(name, passphrase_file))
    here.output.result({"person": name, "reset": True}, f"{name} has another passphrase")
    here.output.following("sigfed audit ls: the other persons see that a root key was used")


@app.command("token")
def token(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Whose; one of the first two names himself with it when left out.")
    ] = "",
) -> None:
    """Make a one-time token, with which (and the passphrase) a person registers a passkey in the console."""
    from node.app.accounts import open_invitations, welcome_url
    from node.pages.text import moment
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        issued = open_invitations(identity, shelf).make(name)
    url = welcome_url(identity)
    here.output.result(
        {"person": name, "token": issued.text, "url": url, "expires_ms": issued.expires_ms},
        issued.text,
        f"typed once at {url}, before {moment(issued.expires_ms)}",
    )
    if not identity.settings.console.enabled:
        here.output.following(
            "switch the console on: enabled = true under [console] in sigfed.toml, then sigfed run"
        )


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Persons and their roles."""
    from node.app.persons import open_persons
    from node.identity.store import read_shelf

    here = session(context)
    identity = here.identity()
    with read_shelf(identity) as shelf:
        persons = open_persons(identity, shelf).ls()
    if here.output.as_json:
        for person in persons:
            here.output.result(
                {
                    "person": person.name,
                    "role": person.role,
                    "added_ms": person.added_ms,
                    "tries": person.tries,
                }
            )
        return
    rows = [
        (person.name, person.role, f"{counted(person.tries, 'wrong passphrase')}" if person.tries else "-")
        for person in persons
    ]
    here.output.result({}, *listing(("person", "role", "state"), rows, none="no persons"))
    if len(persons) < 2:
        here.output.following("sigfed person add NAME")


def _request(
    here: Session, kind: str, name: str, *, by: str, role: PersonRole | None, file: Path | None
) -> None:
    from node.app.persons import request_change
    from node.rotation.store import open_shelf

    who = acting_person(here, by)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        passphrase = "" if kind == "person.remove" else _new_passphrase(name, file)
        approval = request_change(identity, shelf, kind, name, role=role, passphrase=passphrase, by=who)
    tell_requested(here, approval)


def _new_passphrase(name: str, file: Path | None) -> str:
    from node.files import read_private

    if file is not None:
        return read_private(file).rstrip(b"\r\n").decode("utf-8", "replace")
    typed = ask_hidden(f"new passphrase of {name}")
    if ask_hidden("the same again") != typed:
        raise UsageError("the two passphrases differ")
    return typed
