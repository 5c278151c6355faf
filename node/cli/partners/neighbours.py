"""`sigfed recipient near`: on a recipient's machine, pictures that are like ones on the list that it fetched.

It needs no node and asks nobody: the list is the file that was fetched. What is found is told by the line of that file,
never by a hash.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.exit_codes import ExitCode
from node.cli.session import Session, session
from node.hashing.distance import RECOMMENDED
from node.pages.text import counted

if TYPE_CHECKING:
    from node.formats.recipient_list import RecipientList
    from protocol.digest import Digest

Named = list[tuple[str, "list[Digest]"]]
"""Names, with the PDQ values of each."""


def near(
    context: typer.Context,
    fetched: Annotated[
        Path,
        typer.Argument(
            metavar="LIST", help="The reply of GET /recipients/digests, as fetched.", dir_okay=False
        ),
    ],
    files: Annotated[list[Path] | None, typer.Argument(help="Pictures to compare.")] = None,
    hash_from: Annotated[
        str,
        typer.Option(help="Instead of files: a CSV as `sigfed hash` writes, or lines like pdq:HEX."),
    ] = "",
    distance: Annotated[int, typer.Option(help="Bits of 256 that may differ.", min=0, max=64)] = RECOMMENDED,
) -> int:
    """Compare pictures with a fetched list, on this machine alone; exit code 1 when one is near."""
    from node.errors import UsageError

    here = session(context)
    if bool(files) == bool(hash_from):
        raise UsageError("name files, or --hash-from", hint="sigfed recipient near LIST FILE…")
    held = _read(fetched)
    named, unread = _asked(hash_from) if hash_from else _hashed(files or [])
    found = _compare(here, held, named, most=distance)
    for name, reason in unread:
        here.output.failure(
            {"file": name, "verdict": "unreadable", "reason": reason}, f"{name}: NOT COMPARED, {reason}"
        )
    here.output.talk(
        f"{counted(len(named), 'picture')} compared with {len(held.lines):,} PDQ values of"
        f" {held.total:,} hashes; near is not the same: a person looks before anything is done"
    )
    if found:
        return ExitCode.HITS
    return ExitCode.PARTIAL if unread else ExitCode.OK


def _read(fetched: Path) -> "RecipientList":
    from node.files import input_file
    from node.formats.recipient_list import read_recipient_list

    with input_file(fetched) as stream:
        return read_recipient_list(stream)


def _hashed(files: Sequence[Path]) -> tuple[Named, list[tuple[str, str]]]:
    """The PDQ values of pictures, all frames of an animation and both ways up included."""
    from node.errors import UsageError
    from node.hashing.plan import MISSING_IMAGES, HashPlan, images_installed
    from node.hashing.workers import hash_files

    if not images_installed():
        raise UsageError(MISSING_IMAGES)
    outcomes = hash_files(files, HashPlan(archives=False))
    named: Named = []
    unread: list[tuple[str, str]] = []
    for each in outcomes:
        values = _pdq(digest for part in each.hashed.parts for digest in part.digests) if each.hashed else []
        if values:
            named.append((str(each.path), values))
            continue
        faults = each.hashed.faults if each.hashed else ()
        unread.append(
            (str(each.path), each.unreadable or (faults[0].reason if faults else "it has no PDQ value"))
        )
    return named, unread


def _asked(hash_from: str) -> tuple[Named, list[tuple[str, str]]]:
    from node.cli.hashes import read_hashes

    read = [(name, _pdq(digests)) for name, digests in read_hashes(hash_from)]
    unread = [(name, "it has no PDQ value") for name, values in read if not values]
    return [(name, values) for name, values in read if values], unread


def _pdq(digests: Iterable["Digest"]) -> "list[Digest]":
    from protocol.digest import Algorithm

    return [digest for digest in digests if digest.algorithm is Algorithm.PDQ]


def _compare(here: Session, held: "RecipientList", named: Named, *, most: int) -> int:
    """Tell of each picture every listed value that is near; returns how many there were."""
    from node.formats.recipient_list import values_of
    from node.hashing.neighbours import near as near_values

    found = 0
    for name, values in named:
        nearest: dict[int, int] = {}
        for pair in near_values(held.values, values_of(values), most=most):
            nearest[pair.listed] = min(pair.distance, nearest.get(pair.listed, pair.distance))
        for place, distance in sorted(nearest.items(), key=lambda item: (item[1], item[0])):
            found += 1
            here.output.result(
                {
                    "file": name,
                    "verdict": "near",
                    "line": held.lines[place],
                    "collection": held.collections[place],
                    "distance": distance,
                },
                f"{name}: NEAR line {held.lines[place]:,}, {held.collections[place]}, {distance} of 256 bits differ",
            )
        if not nearest:
            here.output.result({"file": name, "verdict": "clean"}, f"{name}: near nothing on the list")
    return found
