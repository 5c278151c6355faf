"""`sigfed entry dispute`, `resolve`, `amend` and `reaffirm`: what analysts say about hashes that are listed already."""

from typing import Annotated

import typer

from node.cli.options import CRITERIA, HASHES, YES, require_one_way
from node.cli.prompts import confirm
from node.cli.session import session

_LIST = "Own list that says so."


def dispute(
    context: typer.Context,
    name: Annotated[str, typer.Option("--list", help=_LIST)],
    hash_from: Annotated[str, HASHES] = "",
    reason: Annotated[str, typer.Option(help="error, legal, duplicate, other.")] = "error",
    collection: Annotated[
        str, typer.Option(help="Collection of what is disputed, where no held list has the hash.")
    ] = "",
    alone: Annotated[
        bool, typer.Option("--this-hash-only", help="Leave the other hashes of the same file as they are.")
    ] = False,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Block a file's hashes everywhere, whoever lists them, until you resolve it or other countries overrule it."""
    from node.cli.entries.dispute import Objection, dispute_each
    from node.cli.hashes import read_hashes

    here = session(context)
    if not yes:
        confirm(
            f"This blocks the hashes at every agency and partner, signed, until {name} resolves it. Go on?"
        )
    objection = Objection(reason=reason, collection=collection, alone=alone)
    dispute_each(here, name, read_hashes(hash_from), objection)
    here.output.following(
        f"sigfed publish {name}", "tell the agencies that list it why", "sigfed entry explain"
    )


def resolve(
    context: typer.Context,
    name: Annotated[str, typer.Option("--list", help=_LIST)],
    hash_from: Annotated[str, HASHES] = "",
    index: Annotated[int | None, typer.Option(help="Index of a dispute, instead of a hash.", min=0)] = None,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Take an own dispute back: where the rule is met, the hashes reach partners again."""
    from node.cli.entries.dispute import resolve_each, resolve_index
    from node.cli.hashes import read_hashes

    here = session(context)
    require_one_way(hash_from, index)
    if not yes:
        confirm("Where enough countries list them, the hashes reach partners again. Go on?")
    if index is not None:
        resolve_index(here, name, index)
    else:
        resolve_each(here, name, read_hashes(hash_from))
    here.output.following(f"sigfed publish {name}", "sigfed subset release NAME")


def amend(
    context: typer.Context,
    name: Annotated[str, typer.Option("--list", help=_LIST)],
    hash_from: Annotated[str, HASHES] = "",
    index: Annotated[
        int | None, typer.Option(help="Index of one entry, instead of all hashes of a file.", min=0)
    ] = None,
    basis: Annotated[str, typer.Option(help="own, reviewed or relies-on.")] = "",
    source: Annotated[str, typer.Option(help="With relies-on: whose word it is.")] = "",
    criteria: Annotated[int | None, CRITERIA] = None,
    review_by: Annotated[str, typer.Option(help="Day to look at them again, YYYY-MM-DD; or never.")] = "",
    legality: Annotated[
        list[str] | None,
        typer.Option(
            "--legality", help="NL=illegal where it is known to be; NL=unclear takes that back; repeatable."
        ),
    ] = None,
    hash_profile: Annotated[
        str, typer.Option(help="How perceptual hashes were computed, as pdq/1/full.")
    ] = "",
    yes: Annotated[bool, YES] = False,
) -> None:
    """Change what own entries say, and keep the rest: basis, criteria, review date, legality, hash profile."""
    from node.cli.entries.amend import Wishes, amend_each, amend_index, amendment_of
    from node.cli.hashes import read_hashes

    here = session(context)
    require_one_way(hash_from, index)
    wishes = Wishes(
        basis=basis,
        source=source,
        criteria=criteria,
        review_by=review_by,
        legality=tuple(legality or ()),
        hash_profile=hash_profile,
    )
    change = amendment_of(wishes)
    if basis and basis != "relies-on" and not yes:
        confirm(f"This states, signed, that the entries were examined here (basis {basis}). Go on?")
    if index is not None:
        amend_index(here, name, index, change)
    else:
        amend_each(here, name, read_hashes(hash_from), change)


def reaffirm(
    context: typer.Context,
    name: Annotated[str, typer.Option("--list", help=_LIST)],
    basis: Annotated[str, typer.Option(help="own (the agency holds the material) or reviewed.")],
    hash_from: Annotated[str, HASHES] = "",
    block: Annotated[
        list[str] | None,
        typer.Option(
            "--block", help="Only this block, as ORIGIN:INDEX; default: every open one; repeatable."
        ),
    ] = None,
    collection: Annotated[
        str,
        typer.Option(help="Collection of hashes that the own list does not have; default: where others do."),
    ] = "",
    criteria: Annotated[int, CRITERIA] = 1,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Overrule what other agencies block, after your own examination; it takes effect when enough countries do."""
    from node.cli.entries.reaffirm import Examination, reaffirm_each
    from node.cli.hashes import read_hashes

    here = session(context)
    if not yes:
        confirm(
            f"This states, signed, that the file was examined here and the block is wrong (basis {basis}). Go on?"
        )
    examination = Examination(
        basis=basis, criteria=criteria, blocks=tuple(block or ()), collection=collection
    )
    reaffirm_each(here, name, read_hashes(hash_from), examination)
    here.output.following(f"sigfed publish {name}", "sigfed entry explain")
