"""`sigfed criteria`: the signed documents that define this agency's collections."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.output import listing
from node.cli.session import session
from node.errors import NotFoundError
from node.files import input_file

app = typer.Typer(help="What this agency lists in which collection, in words.", no_args_is_help=True)

_COLLECTION = typer.Argument(help="Name of the collection.", metavar="COLLECTION")


@app.command("set")
def set_criteria(
    context: typer.Context,
    collection: Annotated[str, _COLLECTION],
    file: Annotated[Path, typer.Argument(help="Markdown text, at most 256 kB.")],
) -> None:
    """Sign and publish the criteria of a collection, in place of earlier ones (asks for a targets key)."""
    from keys.trust.proposals.sign import MAX_TEXT_BYTES
    from node.access.notation import collection_of
    from node.lists.criteria import checked_text, criteria_name

    here = session(context)
    identity = here.identity()
    number = collection_of(collection)
    with input_file(file) as opened:
        text = checked_text(opened.read(MAX_TEXT_BYTES + 1))
    identity.trust.replace_file(criteria_name(number), text, signers=identity.targets_signers())
    here.output.result(
        {"collection": collection, "number": number, "bytes": len(text)},
        f"criteria of {collection}: {len(text):,} bytes, signed",
    )
    here.output.following(f"sigfed criteria show {collection}")


@app.command("show")
def show(context: typer.Context, collection: Annotated[str, _COLLECTION]) -> None:
    """The criteria of a collection, as they were signed."""
    from node.access.notation import collection_of
    from node.lists.criteria import criteria_name

    here = session(context)
    number = collection_of(collection)
    data = here.identity().trust.in_force().files.get(criteria_name(number))
    if data is None:
        raise NotFoundError(
            "{collection} has no criteria here", collection, hint="sign some: sigfed criteria set"
        )
    text = data.decode()
    here.output.result({"collection": collection, "number": number, "text": text}, *text.splitlines())


@app.command("ls")
def ls(context: typer.Context) -> None:
    """The collections that have criteria."""
    from node.lists.criteria import criteria_number
    from protocol.lists.event import collection_name

    here = session(context)
    files = here.identity().trust.in_force().files
    found = [
        (number, len(data))
        for name, data in sorted(files.items())
        if (number := criteria_number(name)) is not None
    ]
    rows = ((collection_name(number), str(number), f"{size:,}") for number, size in found)
    here.output.each(
        ({"collection": collection_name(number), "number": number, "bytes": size} for number, size in found),
        listing(("collection", "number", "bytes"), rows, none="no criteria"),
    )
    if not found:
        here.output.following("sigfed criteria set COLLECTION FILE")
