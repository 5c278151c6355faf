"""`sigfed dev`: for who works on sigfed itself; no help names it."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.session import session
from node.errors import UsageError

app = typer.Typer(help="For who works on sigfed itself.", no_args_is_help=True)


@app.command("generate")
def generate(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder to write the tables into.", file_okay=False)],
    hashes: Annotated[int, typer.Option(help="Hashes on each list.", min=1)] = 100_000,
    agencies: Annotated[str, typer.Option(help="Names of the agencies, with commas.")] = "fr,nl",
    shared: Annotated[
        float, typer.Option(help="Share of its files that all other agencies list too.", min=0, max=1)
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same tables.")] = 1,
) -> None:
    """Write made-up lists of any size, as tables for `entry import`; the hashes are of no file that exists."""
    from node.demo.generate import CATEGORIES, Shape, generate

    here, names = session(context), agencies.split(",")
    if any(Path(name).name != name for name in names):
        raise UsageError("an agency's name becomes that of a file", hint="write it without a slash")
    shape = Shape(hashes=hashes, shared=shared, seed=seed)
    for path, files in generate(folder, names, shape):
        here.output.result(
            {"file": str(path), "files": files, "hashes": hashes},
            f"{path}: {files:,} files, {hashes:,} hashes",
        )
    named = " ".join(f"--category {category}" for category in CATEGORIES)
    here.output.following(f"sigfed entry import {folder}/NAME.csv --list LIST --basis own {named}")
