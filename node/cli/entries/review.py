"""`sigfed review`: what waits for this agency's word, and which own entries to look at again."""

from typing import Annotated

import typer

from node.cli.session import session

app = typer.Typer(help="Files that wait for this agency's examination.", no_args_is_help=True)


@app.command("ls")
def ls(
    context: typer.Context,
    collection: Annotated[str, typer.Option(help="Only files of this collection.")] = "",
    source: Annotated[str, typer.Option("--from", help="Only what this peer lists.")] = "",
    country: Annotated[str, typer.Option(help="Only what agencies of this country list, as NL.")] = "",
    limit: Annotated[int, typer.Option(help="Show at most so many; 0: all.", min=0)] = 20,
) -> None:
    """Files of peers that another country has to list before partners get them, and whose word is missing."""
    from node.access.notation import collection_of
    from node.cli.entries.review_queue import show_queue
    from node.judgement.queue import Wanted

    wanted = Wanted(
        collection=collection_of(collection) if collection else None, peer=source, country=country.upper()
    )
    show_queue(session(context), wanted, limit=limit)


@app.command("show")
def show(
    context: typer.Context,
    entry: Annotated[
        str,
        typer.Argument(metavar="ORIGIN:INDEX", help="An entry of the file, as nl.example/lists/national:12."),
    ],
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Print the hashes, to find the file in your own material.")
    ] = False,
) -> None:
    """What a peer says about a file: each of its hashes, on what basis, and what is missing."""
    from node.access.notation import event_of
    from node.cli.entries.review_queue import show_file

    show_file(session(context), event_of(entry), hashes=hashes)


@app.command("due")
def due(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="How many days ahead to look.", min=0, max=36500)] = 30,
) -> None:
    """Your entries whose review date has passed or comes soon."""
    from node.cli.entries.review_queue import show_due

    show_due(session(context), days=days)
