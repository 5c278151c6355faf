"""`sigfed propose`: hashes of new material go to the agency's review, in the clear, after somebody agreed to it."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.exit_codes import ExitCode
from node.cli.options import CONTACT, YES
from node.cli.prompts import confirm
from node.cli.session import Session, session
from node.pages.text import counted


def propose(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why you propose them, in one line.")],
    files: Annotated[list[Path] | None, typer.Argument(help="Files to propose: their hashes.")] = None,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="CSV with all hashes of each file (as `sigfed hash` writes), or - for standard input.",
        ),
    ] = "",
    collection: Annotated[
        str,
        typer.Option(help="What you hold them for: baseline, national, investigative, other; default: none."),
    ] = "",
    contact: Annotated[str, CONTACT] = "",
    yes: Annotated[bool, YES] = False,
) -> int:
    """Hand hashes of new material to the agency for review; they leave this machine in the clear."""
    from node.access.notation import collection_of
    from node.cli.hoster.proposals import send_proposals
    from node.errors import UsageError
    from node.hoster.proposals.exchange import Prepared, prepare
    from node.hoster.proposals.exchange import propose as keep
    from node.hoster.proposals.sender import Words

    here = session(context)
    if bool(files) == bool(source):
        raise UsageError("name files, or --from", hint="sigfed propose FILE… --reason TEXT")
    words = Words(claim=collection_of(collection) if collection else 0, reason=reason, contact=contact)
    if source == "-" and not yes:
        raise UsageError("hashes come from standard input, and so would the answer", hint="add --yes")
    prepared: Prepared = prepare(here.home, files=files or [], source=source)
    _tell_left_out(here, prepared.chosen.left_out)
    if not prepared.chosen.files:
        here.output.talk("there is nothing to propose: nothing was sent")
        here.output.following("sigfed proposal ls: whether what was proposed before was sent")
        return ExitCode.PARTIAL if prepared.chosen.left_out else ExitCode.OK
    hashes = sum(len(file.digests) for _, file in prepared.chosen.files)
    here.output.talk(
        f"What leaves this machine, in the clear, to {prepared.node}: {hashes:,} hashes of"
        f" {counted(len(prepared.chosen.files), 'file')},",
        "with your name, reason, contact and the time. What never leaves: the files and their names.",
        "Persons of the agency look at them; nothing is listed by itself.",
    )
    confirm(f"Send these hashes to {prepared.node}?", yes=yes)
    made = keep(here.home, prepared, words)
    code = send_proposals(here, [each.id for each in made])
    return code or (ExitCode.PARTIAL if prepared.chosen.left_out else ExitCode.OK)


def _tell_left_out(here: Session, left_out: tuple[tuple[str, str], ...]) -> None:
    for name, reason in left_out:
        here.output.talk(f"{name}: left out, {reason}")
