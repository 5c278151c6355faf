"""`sigfed console`: a partner's console, and the one-time tokens by which people sign in to it."""

from enum import StrEnum
from typing import Annotated

import typer

from node.cli.session import Session, session, wait_for
from node.errors import UsageError

app = typer.Typer(help="A partner's pages for people with a browser.", no_args_is_help=True)


class ConsoleRole(StrEnum):
    """Who a token is for."""

    ANALYST = "analyst"
    VIEWER = "viewer"


@app.command("run")
def run(context: typer.Context) -> None:
    """Serve the console of this home, on this machine, until stopped."""
    from node.console.hoster.listener import serve_partner_console

    here = _partner(context)

    def ready(url: str) -> None:
        here.output.result({"url": url}, url)
        here.output.out.flush()
        here.output.talk("stop with Ctrl-C")
        here.output.following("sigfed console token NAME, for whoever is to sign in")

    wait_for(serve_partner_console(*here.homes, ready=ready))


@app.command("token")
def token(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Who signs in with it, as the pages and the journal name them.")
    ],
    role: Annotated[
        ConsoleRole, typer.Option(help="analyst: reports and resolves hits; viewer: looks only.")
    ] = ConsoleRole.ANALYST,
) -> None:
    """Make a one-time token, with which somebody signs in to this home's console within half an hour."""
    from node.cli.output import moment
    from node.clock import SystemClock, system_entropy
    from node.hoster.console_tokens import ConsoleTokens, Guest
    from node.hoster.folder import PartnerFolder
    from node.hoster.settings import load_partner_settings
    from node.store.accounts.records import PersonRole

    here = _partner(context)
    home = here.homes[0]
    PartnerFolder(home.partner).load()
    url = load_partner_settings(home.folder).console.url.rstrip("/") + "/console/"
    made = ConsoleTokens(home.partner, SystemClock(), system_entropy).make(
        Guest(name=name, role=PersonRole(role.value))
    )
    here.output.result(
        {"name": name, "role": role.value, "token": made.text, "until_ms": made.expires_ms, "url": url},
        made.text,
    )
    here.output.talk(
        f"Whoever has it is {name}, {role.value}: good once, until {moment(made.expires_ms)}, at {url}"
    )
    here.output.following("sigfed console run, where it does not run yet")


def _partner(context: typer.Context) -> Session:
    here = session(context)
    if here.homes[0].config.exists():
        raise UsageError(
            "an agency's node lives in this home: its console is served by sigfed run",
            hint="switch it on with enabled = true under [console]; people sign in with passkeys",
        )
    return here
