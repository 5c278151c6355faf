"""`sigfed recipient`: who may fetch raw hashes here. What gives more away takes two persons; what takes away, one."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.output import table
from node.cli.partners.near import near
from node.cli.persons.actor import acting_person, request_approval, require_two
from node.cli.persons.grants import names
from node.cli.session import Session, session

if TYPE_CHECKING:
    from node.recipients.accreditation import Wanted
    from protocol.grant import Grant

app = typer.Typer(help="Accredited holders that may fetch raw hashes here.", no_args_is_help=True)

_NAME = typer.Argument(help="Name of a recipient.")
_GRANT = typer.Option(help="Collections that it may fetch, comma-separated; never private ones.")
_ALGORITHMS = typer.Option(help="Kinds of hashes, comma-separated, as md5,sha1; default: all.")
_UNTIL = typer.Option(help="Last day, YYYY-MM-DD, at most a year away.")
_AS = typer.Option(
    "--as", metavar="NAME", help="Who you are, where it takes two persons; default: SIGFED_PERSON."
)


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    grant: Annotated[str, _GRANT],
    until: Annotated[str, _UNTIL],
    algorithms: Annotated[str, _ALGORITHMS] = "",
    purpose: Annotated[str, typer.Option(help="What it does with them, for people; no hashes.")] = "",
    by: Annotated[str, _AS] = "",
) -> None:
    """Ask for another person's approval that somebody may fetch raw hashes here."""
    from node.access.notation import grant_of
    from node.recipients.accreditation import Recipients, Wanted
    from node.rotation.store import open_shelf

    here = session(context)
    wanted = Wanted(name=name, grant=grant_of(grant, algorithms, until), purpose=purpose)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        Recipients(shelf.storage, identity.clock).check_new(wanted)
    _request(here, "recipient.add", wanted, by=by)


@app.command("grant")
def change_grant(
    context: typer.Context,
    name: Annotated[str, _NAME],
    grant: Annotated[str, _GRANT],
    until: Annotated[str, _UNTIL],
    algorithms: Annotated[str, _ALGORITHMS] = "",
    by: Annotated[str, _AS] = "",
) -> None:
    """Replace what a recipient may fetch: less at once, more or longer when a second person approves it."""
    from node.access.grants import grant_words
    from node.access.notation import grant_of
    from node.recipients.accreditation import Recipients, Wanted
    from node.rotation.store import open_shelf

    here = session(context)
    wanted = Wanted(name=name, grant=grant_of(grant, algorithms, until))
    identity = here.identity()
    with open_shelf(identity) as shelf:
        recipients = Recipients(shelf.storage, identity.clock)
        wider = recipients.widens(name, wanted.grant)
        recipients.check_grant(wanted.grant)
        if not wider:
            recipients.narrow(name, wanted.grant)
    if wider:
        _request(here, "recipient.grant", wanted, by=by)
        return
    here.output.result(
        {"recipient": name, "grant": grant, "until": until}, f"{name} may fetch {grant_words(wanted.grant)}"
    )


@app.command("key")
def key(
    context: typer.Context,
    name: Annotated[str, _NAME],
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Let the key before count for a day more: it is not stolen.")
    ] = False,
) -> None:
    """Make a recipient's key, in the place of the one it has; it is shown once and ends after a year."""
    from node.recipients.accreditation import Recipients
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        recipients = Recipients(shelf.storage, identity.clock)
        make = recipients.change_key if keep_old else recipients.make_key
        made = make(name, entropy=identity.entropy)
    here.output.result({"recipient": name, "key": made}, made)
    here.output.talk(
        f"Whoever has this key is {name}. Hand it over by a channel you trust: it is not stored in the",
        "clear and cannot be shown again. "
        + (
            "The key before it counts for a day more."
            if keep_old
            else "An older key of this recipient counts no more."
        ),
    )
    if not identity.settings.recipients.enabled:
        here.output.following("recipients are switched off: [recipients] enabled = true, then sigfed run")


@app.command("suspend")
def suspend(context: typer.Context, name: Annotated[str, _NAME]) -> None:
    """Refuse a recipient from now on, in the middle of a download too."""
    _set_suspended(session(context), name, suspended=True)


@app.command("resume")
def resume(context: typer.Context, name: Annotated[str, _NAME]) -> None:
    """Let a suspended recipient fetch again, with the key it has, until its end."""
    _set_suspended(session(context), name, suspended=False)


@app.command("remove")
def remove(context: typer.Context, name: Annotated[str, _NAME]) -> None:
    """Forget a recipient and its key; what it fetched it has."""
    from node.recipients.accreditation import Recipients
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        Recipients(shelf.storage, identity.clock).remove(name)
    here.output.result({"recipient": name, "removed": True}, f"{name} is no recipient any more")


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Recipients: what they may fetch, until when, and when they last did."""
    from node.access.grants import grant_words
    from node.cli.times import moment
    from node.identity.store import read_shelf
    from node.recipients.accreditation import Recipients, grant_of, state_words

    here = session(context)
    identity = here.identity()
    with read_shelf(identity) as shelf:
        recipients = Recipients(shelf.storage, identity.clock).ls()
    rows = []
    for one in recipients:
        grant, state = grant_of(one), state_words(one, identity.clock.now())
        if here.output.as_json:
            here.output.result(
                {
                    "recipient": one.name,
                    "purpose": one.purpose,
                    "collections": names(grant.to_json()["collections"]),
                    "algorithms": _algorithms(grant),
                    "until": grant.until.isoformat() if grant.until else "",
                    "state": state,
                    "added_ms": one.added_ms,
                    "keyed_ms": one.keyed_ms,
                    "seen_ms": one.seen_ms,
                }
            )
        rows.append((one.name, grant_words(grant), state, moment(one.seen_ms)))
    if not here.output.as_json:
        here.output.result({}, *table(("recipient", "may fetch", "state", "last fetched"), rows))
    if recipients and not identity.settings.recipients.enabled:
        here.output.following("recipients are switched off: [recipients] enabled = true, then sigfed run")


def _algorithms(grant: "Grant") -> list[str] | None:
    return None if grant.algorithms is None else names(grant.to_json()["algorithms"])


def _set_suspended(here: Session, name: str, *, suspended: bool) -> None:
    from node.recipients.accreditation import Recipients
    from node.rotation.store import open_shelf

    identity = here.identity()
    with open_shelf(identity) as shelf:
        Recipients(shelf.storage, identity.clock).set_suspended(name, suspended=suspended)
    words = "is refused" if suspended else "may fetch again"
    here.output.result({"recipient": name, "suspended": suspended}, f"{name} {words}")


def _request(here: Session, kind: str, wanted: "Wanted", *, by: str) -> None:
    from node.access.grants import grant_words
    from node.recipients.accreditation import recipient_payload

    require_two(here)
    purpose = f" ({wanted.purpose})" if wanted.purpose else ""
    request_approval(
        here,
        kind,
        subject=f"{wanted.name}{purpose} may fetch raw hashes: {grant_words(wanted.grant)}",
        payload=recipient_payload(wanted),
        by=acting_person(here, by),
    )


app.command("near")(near)
