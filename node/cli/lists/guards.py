"""`sigfed guard`: known-benign sets, which nothing on a list may be in, and tripwires, which no release may meet."""

from pathlib import Path
from typing import Annotated

import typer

from node.acts import guards
from node.cli.acts import do, performing
from node.cli.exit_codes import ExitCode
from node.cli.output import listing, moment
from node.cli.session import session

app = typer.Typer(help="What lists and releases are compared with.", no_args_is_help=True)
benign = typer.Typer(
    help="Sets of hashes of lawful files: what is in one is set aside.", no_args_is_help=True
)
tripwire = typer.Typer(help="Hashes that must never be released.", no_args_is_help=True)
app.add_typer(benign, name="benign")
app.add_typer(tripwire, name="tripwire")


@benign.command("add", help=guards.add_benign.help)
@performing(guards.add_benign)
def add_benign(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="NSRL table, NIST Non-RDS JSON, or CSV as `sigfed hash` writes it.")
    ],
    name: Annotated[str, typer.Option(help="Name of the set; default: that of the file.")] = "",
) -> int:
    """Read a file; rows that are refused are named."""
    from node.files import open_input
    from node.formats.benign import read_benign

    here = session(context)
    wanted = name or file.stem.lower().replace("_", "-").replace(" ", "-")
    guards.require_set_name(wanted, hint="give it one with --name")
    with open_input(file) as stream, here.output.progress("read") as progress:
        given = guards.Benign(name=wanted, file=file.name, reading=read_benign(stream), progress=progress.at)
        done = do(here, guards.add_benign, given)
    return ExitCode.PARTIAL if done.facts["refused"] else ExitCode.OK


@benign.command("ls")
def ls_benign(context: typer.Context) -> None:
    """The sets, with their size."""
    from node.app.guards import open_guards

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        records = open_guards(identity, store).benign_sets()
    rows = (
        (record.name, f"{record.hashes:,}", f"{8 * record.hashes / 2**20:,.1f} MiB", moment(record.added_ms))
        for record in records
    )
    here.output.each(
        (
            {"set": record.name, "hashes": record.hashes, "rows": record.rows, "added_ms": record.added_ms}
            for record in records
        ),
        listing(("set", "hashes", "size", "added"), rows, none="no known-benign sets"),
    )
    if not records:
        here.output.following("sigfed guard benign add FILE")


@benign.command("remove", help=guards.remove_benign.help)
@performing(guards.remove_benign)
def remove_benign(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Name of the set.")]
) -> None:
    """Forget it."""
    here = session(context)
    do(here, guards.remove_benign, guards.Named(name=name))


@tripwire.command("add", help=guards.add_tripwires.help)
@performing(guards.add_tripwires)
def add_tripwire(
    context: typer.Context,
    hash_from: Annotated[
        str,
        typer.Option(
            help="File with hashes, one per line or as `sigfed hash` writes them; - for standard input.",
        ),
    ],
    note: Annotated[str, typer.Option(help="What they are of, for people; never a hash.")] = "",
) -> None:
    """Add those of a file."""
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    digests = [digest for _, found in read_hashes(hash_from) for digest in found]
    given = guards.Tripwires(note=note, digests=digests, hash_from=file_name(hash_from))
    do(here, guards.add_tripwires, given)


@tripwire.command("ls")
def ls_tripwires(context: typer.Context) -> None:
    """The tripwires by number; their hashes are sealed and not shown."""
    from node.app.guards import open_guards

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        found = open_guards(identity, store).tripwires()
    rows = (
        (str(record.id), algorithm.name.lower(), moment(record.added_ms), record.note)
        for record, algorithm in found
    )
    here.output.each(
        (
            {
                "tripwire": record.id,
                "algorithm": algorithm.name.lower(),
                "note": record.note,
                "added_ms": record.added_ms,
            }
            for record, algorithm in found
        ),
        listing(("number", "hash", "added", "note"), rows, none="no tripwires"),
    )
    if not found:
        here.output.following("sigfed guard tripwire add --hash-from FILE")


@tripwire.command("remove", help=guards.remove_tripwires.help)
@performing(guards.remove_tripwires)
def remove_tripwires(
    context: typer.Context,
    numbers: Annotated[list[int], typer.Argument(help="Numbers as `sigfed guard tripwire ls` shows them.")],
) -> None:
    """Remove them."""
    here = session(context)
    do(here, guards.remove_tripwires, guards.Numbers(numbers=numbers))
