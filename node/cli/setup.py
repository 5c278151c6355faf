"""Commands that make and run a node: `init`, `run`, `status`, `doctor`, `demo`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.exit_codes import ExitCode
from node.cli.hoster.each_subset import each_subset
from node.cli.prompts import ask
from node.cli.session import Session, session, wait_for
from node.names import SIGNER_CONFIG_NAME

if TYPE_CHECKING:  # only `init` needs what founding needs
    from node.health import Check
    from node.trust.foundation import Founded


def _asked(question: str, *, help: str) -> Any:  # noqa: A002 - as Typer calls it
    """An option that a person is asked for who does not give it."""
    return typer.Option(default_factory=lambda: ask(question), show_default=False, help=help)


def init(
    context: typer.Context,
    node: Annotated[
        str,
        _asked(
            "Name of this node, like a DNS name (for ever)",
            help="Name, like fr.example; it can never change.",
        ),
    ],
    country: Annotated[str, _asked("Country of the agency (two letters)", help="Two letters.")],
    url: Annotated[
        str,
        _asked("Address at which peers and partners reach it (https://…)", help="Public address, https://…"),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8443,
    profile: Annotated[str, typer.Option(help="small: 1 of 2 holders must sign; full: 2 of 3.")] = "small",
    store: Annotated[str, typer.Option(help="Database address; default is SQLite in the home folder.")] = "",
    objects: Annotated[
        str, typer.Option(help="Bucket for the objects, s3://BUCKET/PREFIX; default is a folder of the home.")
    ] = "",
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase of the node's keys (mode 600).")
    ] = None,
    root_passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase of the root and targets keys (mode 600).")
    ] = None,
    root_kdf: Annotated[
        str, typer.Option(help="Cost of opening such a key: offline (2 GiB) or online (64 MiB).")
    ] = "offline",
) -> None:
    """Found a node: keys, trust files, store. Asks for what is not given."""
    from node.app import create
    from node.clock import SystemClock, system_entropy

    here = session(context)
    plan = create.plan(
        node=node,
        country=country.upper(),
        url=url,
        host=host,
        port=port,
        profile=profile,
        dsn=store,
        objects=objects,
        passphrase_file=passphrase_file,
        root_passphrase_file=root_passphrase_file,
        root_kdf=root_kdf,
    )
    here.output.talk("making keys; this takes some seconds on purpose")
    founded = create.create(here.home, plan, clock=SystemClock(), entropy=system_entropy)
    _tell_founded(here, node, founded)


def _tell_founded(here: Session, node: str, founded: "Founded") -> None:
    here.output.result(
        {"node": node, "home": str(here.home.folder), "fingerprint": founded.words},
        f"founded {node} in {here.home.folder}",
        f"fingerprint: {founded.words}",
        "Other agencies compare these words with you by telephone or in person before they add you.",
    )
    here.output.following(
        f"move {', '.join(founded.spare)} from {here.home.offline_keys} to sticks in safes",
        "sigfed list create NAME",
        "sigfed run",
    )


def run(
    context: typer.Context,
    web: Annotated[
        bool, typer.Option("--web", help="Only serve, on another machine than the node's own.")
    ] = False,
) -> None:
    """Serve peers and partners, and sync, publish and release on schedule, until stopped."""
    here = session(context)
    if web:
        _serve_only(here)
        return
    from node.app.serve import serve_until_stopped

    identity = here.identity()
    console = identity.settings.console

    def listening(url: str) -> None:
        _say_serving(here, url, identity.settings.node)
        if console.enabled:
            here.output.talk(f"console: {console.url.rstrip('/')}/console/")

    serve = partial(serve_until_stopped, identity, listening=listening)
    if console.enabled:
        from node.console.listener import serve_beside

        serve = partial(serve, beside=serve_beside)
    wait_for(serve())


def _serve_only(here: Session) -> None:
    from node.app.serve_web import serve_web_until_stopped

    wait_for(serve_web_until_stopped(here.home, listening=partial(_say_serving, here)))


def _say_serving(here: Session, url: str, node: str) -> None:
    here.output.result({"serving": url, "node": node})
    here.output.out.flush()
    here.output.talk(f"serving {url} as {node}; stop with Ctrl-C")


@each_subset
def status(context: typer.Context) -> None:
    """What this node (or partner) holds, how fresh it is, and what to do next."""
    here = session(context)
    if here.is_agency:
        from node.cli.state import show_status

        show_status(here)
        return
    from node.cli.hoster.status import partner_status

    partner_status(here)


@each_subset
def doctor(
    context: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read every file, and compare it with what vouches for it.")
    ] = False,
) -> int:
    """Look for what is wrong or soon will be, and say what to do; exit code 2 when something must be mended."""
    from node.health import Health

    here = session(context)
    failed: dict[str, None] = {}
    for check in _checks(here, deep=deep):
        if check.health is Health.FAIL:
            failed[check.name] = None
        here.output.result(
            {"check": check.name, "health": check.health, "words": check.words, "step": check.step},
            f"{check.health.upper():4}  {check.name}: {check.words}",
            *([f"      {check.step}"] if check.step else []),
        )
    here.output.following(
        f"mend what failed ({', '.join(failed)}), then run it again" if failed else "sigfed status"
    )
    return ExitCode.FATAL if failed else ExitCode.OK


def _checks(here: Session, *, deep: bool) -> "Iterator[Check]":
    if not here.home.config.exists() and (here.home.folder / SIGNER_CONFIG_NAME).exists():
        from node.signer_host.integrity import examine_signer, examine_signer_deeply

        yield from examine_signer(here.home)
        if deep:
            yield from examine_signer_deeply(here.home)
        return
    if not here.home.config.exists() and here.home.partner.exists():
        from node.hoster.status import examine_partner

        yield from examine_partner(here.home)
        if deep:
            from node.hoster.integrity import examine_partner_deeply

            yield from examine_partner_deeply(here.home)
        return
    from node.app.health.checks import examine

    identity = here.identity()
    yield from examine(identity)
    if deep:
        from node.backup.integrity import examine_deeply

        yield from examine_deeply(identity)


def demo(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Folder to use and leave; default: a new one.")
    ] = None,
    chapter: Annotated[
        str, typer.Option(help="Only this chapter, and those that it rests on; a wrong name lists them.")
    ] = "",
    stay: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Instead, leave it running with a month behind it and three consoles, until Ctrl-C.",
        ),
    ] = False,
) -> int:
    """Walk two agencies and a partner through everything, on this machine, and write an illustrated report."""
    if stay:
        from node.demo.serve import serve
        from node.errors import UsageError

        if chapter:
            raise UsageError("--serve plays no chapter", hint="leave out --chapter, or --serve")
        return serve(folder, output=session(context).output)

    from node.demo.walk import run as walk

    return walk(folder, output=session(context).output, chapter=chapter)
