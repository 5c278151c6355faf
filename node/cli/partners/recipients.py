"""`sigfed recipient`: who may fetch raw hashes here."""

import typer

from node.acts.recipients import ACTS, SWITCHED_OFF
from node.cli import acts
from node.cli.output import listing, moment
from node.cli.partners.neighbours import near
from node.cli.session import session

app = typer.Typer(help="Accredited holders that may fetch raw hashes here.", no_args_is_help=True)

acts.add(app, ACTS)


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Recipients: what they may fetch, until when, and when they last did."""
    from node.access.grants import grant_words
    from node.access.stored_grant import stored_grant
    from node.recipients.accreditation import Recipients, state_words

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        recipients = Recipients(store, identity.clock).ls()
    found = [(one, stored_grant(one), state_words(one, identity.clock.now())) for one in recipients]
    rows = ((one.name, grant_words(grant), state, moment(one.seen_ms)) for one, grant, state in found)
    here.output.each(
        (
            {
                "recipient": one.name,
                "purpose": one.purpose,
                "collections": grant.to_json()["collections"],
                "algorithms": grant.to_json()["algorithms"],
                "until": grant.to_json()["until"] or "",
                "state": state,
                "added_ms": one.added_ms,
                "keyed_ms": one.keyed_ms,
                "seen_ms": one.seen_ms,
            }
            for one, grant, state in found
        ),
        listing(("recipient", "may fetch", "state", "last fetched"), rows, none="no recipients"),
    )
    if recipients and not identity.settings.recipients.enabled:
        here.output.following(SWITCHED_OFF)


app.command("near")(near)
