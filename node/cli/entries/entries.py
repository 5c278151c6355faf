"""`sigfed entry`, `sigfed endorse` and `sigfed hash`: what this agency lists."""

import os
import sys
from codecs import StreamWriter, getwriter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, TypeVar

import typer

from node.acts import entries as acts
from node.cli.acts import performing
from node.cli.entries import corrections, recalls
from node.cli.entries.holders import ask_holders
from node.cli.exit_codes import ExitCode
from node.cli.options import CRITERIA, HASHES, LIST_TO_ADD_TO, YES
from node.cli.output import Progress
from node.cli.prompts import confirm
from node.cli.session import session
from node.pages.text import counted

if TYPE_CHECKING:
    from node.hashing.folder import HashedFile, SkippedFile
    from protocol.digest import Digest

Item = TypeVar("Item")

app = typer.Typer(help="Entries of this agency's lists.", no_args_is_help=True)

_BASES = "own (the agency holds the material), reviewed (its analysts examined it), relies-on (somebody else says so)."

_REVIEW = "Day to look at them again, YYYY-MM-DD."
_LEGALITY = "A country where the material is known to be illegal, as NL=illegal; repeatable."


@app.command("import")
@performing(acts.take_in)
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="ICSE export or CSV with named columns.", dir_okay=False)],
    to: Annotated[str, LIST_TO_ADD_TO],
    basis: Annotated[str, typer.Option(help=_BASES)] = "relies-on",
    collection: Annotated[
        str, typer.Option(help="Collection of rows that name none: baseline, national, investigative, other.")
    ] = "national",
    criteria: Annotated[int, CRITERIA] = 1,
    source: Annotated[str, typer.Option(help="With relies-on: whose word it is.")] = "",
    review_by: Annotated[str, typer.Option(help=_REVIEW)] = "",
    legality: Annotated[list[str] | None, typer.Option(help=_LEGALITY)] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--column", help="Name a column: sha256='SHA-256 hash'; repeatable.")
    ] = None,
    categories: Annotated[
        list[str] | None,
        typer.Option(
            "--category",
            help="Of a table with a category column: a value whose rows belong on a list; repeatable.",
        ),
    ] = None,
    delimiter: Annotated[str, typer.Option(help="Delimiter, when the header does not show it.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, change nothing.")
    ] = False,
) -> int:
    """Read a file of hashes; refused rows are named with line and reason."""
    from node.cli.entries.imports import Source, read_into
    from node.cli.entries.statements import statement_of

    here = session(context)
    return read_into(
        here,
        Source(
            file=file,
            collection=collection,
            columns=tuple(columns or ()),
            categories=tuple(categories or ()),
            delimiter=delimiter or None,
        ),
        to=to,
        statement=statement_of(
            basis=basis, criteria=criteria, source=source, review_by=review_by, legality=legality
        ),
        dry_run=dry_run,
    )


@app.command("explain")
def explain(context: typer.Context, hash_from: Annotated[str, HASHES] = "") -> None:
    """Who lists a hash and how they know, what blocks it, whether it reaches partners, and what can be done."""
    from node.cli.entries.explain import explain_each
    from node.cli.hashes import read_hashes

    here = session(context)
    explain_each(here, read_hashes(hash_from))


app.command("holders")(ask_holders)


_CORRECTIONS: dict[str, Callable[..., int | None]] = {
    "withdraw": corrections.withdraw,
    "dispute": corrections.dispute,
    "resolve": corrections.resolve,
    "amend": corrections.amend,
    "reaffirm": corrections.reaffirm,
    "shred": recalls.shred,
    "readmit": recalls.readmit,
}
for _name, _command in _CORRECTIONS.items():
    app.command(_name)(_command)


@performing(acts.endorse)
def endorse(
    context: typer.Context,
    basis: Annotated[str, typer.Option(help=_BASES)],
    to: Annotated[str, LIST_TO_ADD_TO],
    source: Annotated[str, typer.Option("--from", help="Peer whose entries to endorse.")] = "",
    only: Annotated[
        list[str] | None,
        typer.Option(help="Instead of a peer: the file of this entry, as ORIGIN:INDEX; repeatable."),
    ] = None,
    peer_list: Annotated[str, typer.Option(help="The peer's list; default: one of the same name.")] = "",
    collection: Annotated[str, typer.Option(help="Only entries of this collection.")] = "",
    hash_from: Annotated[str, typer.Option(help="Only these hashes: a file, or - for standard input.")] = "",
    criteria: Annotated[int, CRITERIA] = 1,
    review_by: Annotated[str, typer.Option(help=_REVIEW)] = "",
    legality: Annotated[list[str] | None, typer.Option(help=_LEGALITY)] = None,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Add a peer's entries to your list, after examination (own, reviewed) or relying on the peer."""
    from node.cli.entries.endorse import Choice, endorse_from
    from node.cli.entries.statements import statement_of
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    statement = statement_of(
        basis=basis, criteria=criteria, source="", review_by=review_by, legality=legality
    )
    if basis != "relies-on":
        confirm(f"This states, signed, that the entries were examined here (basis {basis}). Go on?", yes=yes)
    choice = Choice(
        peer=source,
        peer_list=peer_list,
        to=to,
        only=tuple(only or ()),
        collection=collection,
        digests=frozenset(d for _, file in read_hashes(hash_from) for d in file) if hash_from else None,
        hash_from=file_name(hash_from),
    )
    endorse_from(here, choice, statement=statement)


def hash_folder(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder (or file) to hash.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="CSV to write; default: standard output.")
    ] = None,
    paths: Annotated[bool, typer.Option("--paths", help="Write paths instead of row numbers.")] = False,
) -> int:
    """Hash files into a CSV that `entry import` and `check --hash-from` read; nothing else is kept."""
    from node.errors import NotFoundError
    from node.formats.hash_table import path_identity, write_csv
    from node.hashing.folder import hash_folder as walk
    from node.hashing.plan import Bounds, HashPlan, images_installed
    from node.hashing.workers import processors

    here = session(context)
    if not folder.exists():
        raise NotFoundError("{folder} does not exist", folder)
    plan = HashPlan(images=images_installed(), archives=False, bounds=Bounds(frames=1))
    skipped: list[SkippedFile] = []
    partly: list[HashedFile] = []
    with here.output.progress("hashed") as progress, _target(output) as stream:
        table = None if output is None else os.fstat(stream.fileno())
        found = _tell_progress(walk(folder, plan, jobs=processors(), table=table), progress)
        count = write_csv(_hashed(found, skipped, partly), stream, identity=path_identity if paths else None)
    here.output.talk(
        f"hashed {counted(count, 'file')}",
        *(f"  skipped {file.path}: {file.reason}" for file in skipped),
        *(f"  {file.path}: {fault.reason}" for file in partly for fault in file.faults),
    )
    here.output.following(
        "sigfed check --hash-from FILE",
        "sigfed entry import FILE --list NAME, if every file is material; with --basis own if your agency holds it",
        "sigfed guard benign add FILE, if every file is lawful",
    )
    return ExitCode.PARTIAL if skipped else ExitCode.OK


@contextmanager
def _target(output: Path | None) -> Iterator[TextIO | StreamWriter]:
    from node.files import new_file

    if output is None:
        yield sys.stdout
        return
    with new_file(output) as file:
        yield getwriter("utf-8")(file)


def _tell_progress(found: Iterable[Item], progress: Progress) -> Iterator[Item]:
    for done, item in enumerate(found, 1):
        progress.at(done)
        yield item


def _hashed(
    found: "Iterable[HashedFile | SkippedFile]", skipped: "list[SkippedFile]", partly: "list[HashedFile]"
) -> "Iterator[tuple[Path, Sequence[Digest]]]":
    """Rows of a table; what is not in it, or not wholly, is added to the lists."""
    from node.hashing.folder import HashedFile

    for item in found:
        if not isinstance(item, HashedFile):
            skipped.append(item)
            continue
        yield item.path, item.digests
        if item.faults:
            partly.append(item)
