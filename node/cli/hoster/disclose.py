"""`sigfed disclose`: PDQ values of pictures are shown to the agency, in the clear, after somebody agreed to it.

What is on the list exactly is found privately first, as `sigfed check` does, and is not shown. What is near is told and
never recorded as a hit: another picture than the listed one proves nothing by itself, and a person looks at it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.exit_codes import ExitCode, exit_code
from node.cli.hoster.client import tell_checked, tell_verdict
from node.cli.options import QUERIES, YES
from node.cli.prompts import confirm
from node.cli.session import Session, session, wait_for
from node.pages.text import counted

if TYPE_CHECKING:
    from node.hoster.lookup.disclosure import Disclosed, Shown
    from node.hoster.lookup.examiner import Hit


def disclose(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help="Pictures to look up.")] = None,
    hash_from: Annotated[str, QUERIES] = "",
    yes: Annotated[bool, YES] = False,
) -> int:
    """Show PDQ values of pictures to the agency, in the clear, to find those near a listed one; exit code 1 then."""
    from node.errors import UsageError
    from node.hoster.client import check
    from node.hoster.disclose import disclose as show
    from node.hoster.disclose import require_switched_on
    from node.hoster.lookup.disclosure import choose

    here = session(context)
    if bool(files) == bool(hash_from):
        raise UsageError("name files, or --hash-from", hint="sigfed disclose FILE…")
    if hash_from == "-" and not yes:
        raise UsageError("hashes come from standard input, and so would the answer", hint="add --yes")
    node = require_switched_on(here.home)

    def told(name: str, hit: "Hit | None") -> None:
        if hit is not None:
            tell_verdict(here, name, hit)

    checked = wait_for(check(here.home, files=files or [], hash_from=hash_from, tell=told))
    shown = choose(checked.misses)
    code = tell_checked(here, checked)
    if shown.values:
        _agree(here, node, shown, yes=yes)
    done = wait_for(show(here.home, shown)) if shown.values else None
    near = _tell(here, shown, done)
    if code == ExitCode.HITS or near:
        return ExitCode.HITS
    return exit_code(done.stopped) if done is not None and done.stopped is not None else code


def _agree(here: Session, node: str, shown: "Shown", *, yes: bool) -> None:
    here.output.talk(
        f"What leaves this machine, in the clear, to {node}: {counted(len(shown.values), 'PDQ value')} of"
        f" {counted(len(shown.files), 'picture')}",
        "that are not on the list, with your name and the time. From a value the agency can tell what a picture",
        "resembles, if it has one like it. What never leaves: the files and their names.",
    )
    confirm(f"Show these values to {node}?", yes=yes)


def _tell(here: Session, shown: "Shown", done: "Disclosed | None") -> int:
    """Tell what was answered of each picture, in the order of the files' names; returns how many are near."""
    for name in shown.without:
        here.output.result(
            {"file": name, "verdict": "clean", "disclosed": False},
            f"{name}: not on the list; no PDQ value to show",
        )
    if done is None:
        here.output.talk("no value was shown: nothing left this machine in the clear")
        return 0
    for name in done.far:
        here.output.result(
            {"file": name, "verdict": "clean", "disclosed": True},
            f"{name}: not on the list, and near nothing on it",
        )
    for name, collection in done.near:
        here.output.result(
            {"file": name, "verdict": "near", "disclosed": True, "collection": collection},
            f"{name}: NEAR something listed as {collection}; a person must look",
        )
    for name in done.unanswered:
        here.output.result(
            {"file": name, "verdict": "unanswered", "disclosed": True}, f"{name}: NOT ANSWERED"
        )
    if done.stopped is not None:
        here.output.talk(f"{counted(len(done.unanswered), 'picture')} not answered: {done.stopped}")
        here.output.following("the same command again, later; or ask the agency whether it answers you")
    if done.near:
        here.output.talk(
            "near is not the same: nothing was recorded, and nobody was told; remove nothing because of it"
        )
        here.output.following(
            "a person who may looks at the file, under your procedure",
            "what is as the list says: sigfed propose FILE --reason TEXT, or telephone the agency",
        )
    return len(done.near)
