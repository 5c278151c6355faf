"""Commands that answer for other programs: `agent`, `icap`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.session import Session, session, wait_for

FAIL_CLOSED = typer.Option(
    "--fail-closed",
    help="Block what could not be looked up (default: it passes, and is looked up later).",
)


def agent(
    context: typer.Context,
    socket: Annotated[
        Path | None, typer.Option(help="Unix socket for programs that know clamd's protocol.")
    ] = None,
    clamd: Annotated[str, typer.Option(help="The same over TCP, like 127.0.0.1:3310.")] = "",
    http: Annotated[
        str, typer.Option(help="HTTP, like 127.0.0.1:8460, or the full path of a Unix socket.")
    ] = "",
    roots: Annotated[
        list[Path] | None,
        typer.Option("--root", help="Folder below which files may be looked at by their path; repeatable."),
    ] = None,
    fail_closed: Annotated[bool, FAIL_CLOSED] = False,
) -> None:
    """Answer local programs (clamd's protocol, HTTP) whether files are on the list, until stopped."""
    from node.hoster.daemon.agent import Listeners, serve_agent

    here = session(context)
    listeners = Listeners(
        socket=socket, clamd=clamd, http=http, roots=tuple(roots or ()), fail_closed=fail_closed
    )

    def listening(facts: Mapping[str, Any]) -> None:
        here.output.result(
            {"clamd": facts["clamd"], "http": facts["http"], **_served(facts)},
            *(f"{kind}: {where}" for kind in ("clamd", "http") for where in facts[kind]),
        )
        _talk(here, facts)

    wait_for(serve_agent(here.homes, listeners, listening=listening))


def icap(
    context: typer.Context,
    listen: Annotated[str, typer.Option(help="Address and port.")] = "127.0.0.1:1344",
    fail_closed: Annotated[bool, FAIL_CLOSED] = False,
) -> None:
    """Answer a proxy (ICAP) which uploads and downloads are on the list, until stopped."""
    from node.hoster.daemon.icap import serve_icap

    here = session(context)

    def listening(facts: Mapping[str, Any]) -> None:
        here.output.result(
            {"reqmod": facts["reqmod"], "respmod": facts["respmod"], **_served(facts)},
            f"uploads:   {facts['reqmod']}",
            f"downloads: {facts['respmod']}",
        )
        _talk(here, facts)

    wait_for(serve_icap(here.homes, listen, fail_closed=fail_closed, listening=listening))


def _served(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ("subset", "version", "subsets", "fail_closed") if name in facts}


def _talk(here: Session, facts: Mapping[str, Any]) -> None:
    here.output.out.flush()
    closed = "blocked" if facts["fail_closed"] else "passed, and looked up later"
    served = " and ".join(f"{each['subset']} {each['version']}" for each in facts.get("subsets", [facts]))
    here.output.talk(f"answering from {served}; what cannot be looked up is {closed}", "stop with Ctrl-C")
