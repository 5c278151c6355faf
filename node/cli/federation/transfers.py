"""`sigfed transfer`: lists between agencies that no network joins, as files on a medium that somebody carries."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.exit_codes import ExitCode
from node.cli.options import BEYOND_LIMITS
from node.cli.session import session, wait_for
from node.fields import Fact
from node.pages.text import counted

if TYPE_CHECKING:
    from node.peers.transfer.write import ExportedList

app = typer.Typer(help="Lists carried by hand, where no network joins two agencies.", no_args_is_help=True)


@app.command("introduce")
def introduce(
    context: typer.Context, folder: Annotated[Path, typer.Argument(help="Empty folder.", file_okay=False)]
) -> None:
    """Write this node's public trust files, with which another agency can count it (`sigfed member add FOLDER`)."""
    from keys.trust.fingerprint import to_words
    from node.objects.medium import MediumObjects
    from node.peers.transfer.write import introduce_to

    here = session(context)
    identity = here.identity()
    introduce_to(identity.trust, MediumObjects(folder))
    node, words = identity.settings.node, to_words(identity.trust.root().sha256)
    here.output.result(
        {"node": node, "folder": str(folder), "fingerprint": words},
        f"{folder} introduces {node}",
        f"  fingerprint: {words}",
    )
    here.output.following(
        f"carry {folder} to the other agency; there: sigfed member add FOLDER",
        "read the fingerprint out by telephone: whoever swapped the folder cannot swap your voice",
    )


@app.command("export")
def export(
    context: typer.Context,
    peer: Annotated[str, typer.Option("--for", help="Peer that it is for: its grant decides what is in it.")],
    folder: Annotated[Path, typer.Option("--to", help="Empty folder, or one of a cut-off export.")],
    held: Annotated[
        Path | None,
        typer.Option(
            help="What the peer holds already (its `sigfed --json transfer held`); default: nothing."
        ),
    ] = None,
) -> None:
    """Write this agency's published lists for a peer; run again, it goes on where it stopped."""
    from node.app.peers.transfer import export_to, read_held

    here = session(context)
    identity = here.identity()
    known = read_held(held, identity.settings.node) if held else {}
    with here.writing() as store:
        exported = export_to(identity, store, peer, folder, held=known)
    lists: list[Fact] = [
        {
            "origin": one.origin,
            "size": one.size,
            "bundles": one.bundles,
            "reopened": one.reopened,
            "held": known[one.origin].size if one.origin in known else 0,
        }
        for one in exported.lists
    ]
    here.output.result(
        {"peer": peer, "folder": str(folder), "lists": lists, "bytes": exported.written},
        f"{folder} is for {peer}: {exported.written:,} bytes written",
        *(f"  {one.origin}: {counted(one.size, 'event')}{_reopened(one)}" for one in exported.lists),
    )
    here.output.following(
        f"carry {folder} to {peer}; there: sigfed transfer import FOLDER --from {identity.settings.node}"
    )


@app.command("import")
def take(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="Folder of a transfer, on any medium.", exists=True, file_okay=False)
    ],
    peer: Annotated[str, typer.Option("--from", help="Peer that exported it.")],
    beyond_limits: Annotated[bool, BEYOND_LIMITS] = False,
) -> int:
    """Take over what a peer exported, verified like a sync over the network; resumes where it stopped."""
    from node.app.peers.transfer import import_from
    from node.cli.exit_codes import exit_code
    from node.cli.federation.peers import tell_report

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        report = wait_for(import_from(identity, store, peer, folder, beyond_limits=beyond_limits))
    tell_report(here, report)
    if report.failure is not None:
        return exit_code(report.failure)
    here.output.following("sigfed list ls", "sigfed subset release NAME")
    return ExitCode.OK


@app.command("held")
def held(
    context: typer.Context, peer: Annotated[str, typer.Argument(help="Peer whose lists are held here.")]
) -> None:
    """How far a peer's lists are held: give it to that peer, and its next export is small."""
    from node.peers.transfer.read import held_lists
    from protocol.lists.grant import encode_grant

    here = session(context)
    with here.reading() as store:
        lists = held_lists(store, peer)
    here.output.result(
        {
            "peer": peer,
            "lists": {origin: held.size for origin, held in lists.items()},
            "opened": {origin: json.loads(encode_grant(held.opened)) for origin, held in lists.items()},
        },
        *(f"{origin}: {counted(held.size, 'event')}" for origin, held in lists.items()),
    )
    here.output.following(
        f"with --json into a file, carry it to {peer}; there: sigfed transfer export --for THIS-NODE --held FILE"
    )


def _reopened(exported: "ExportedList") -> str:
    if not exported.reopened:
        return ""
    return f", with the openings of {counted(exported.reopened, 'older bundle')} that it may read more of now"
