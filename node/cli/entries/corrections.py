"""`sigfed entry dispute`, `resolve`, `amend`, `reaffirm` and `withdraw`: what is said about hashes that are listed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from node.acts import entries as acts
from node.cli.acts import do, performing
from node.cli.options import CRITERIA, HASHES, INDEX, OWN_LIST, REASON, YES, require_one_way
from node.cli.prompts import confirm
from node.cli.session import session
from node.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from node.acts.act import Node
    from node.judgement.effective import Current
    from node.lists.corrections.amend import Amendment
    from protocol.digest import Digest

_LIST = "Your list that says so."
_NEVER: Final = "never"


@performing(acts.dispute)
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
    from node.access.notation import reason_of
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    confirm(
        f"This blocks the hashes at every agency and partner, signed, until {name} resolves it. Go on?",
        yes=yes,
    )
    given = acts.Disputed(
        list=here.own_list(name),
        files=read_hashes(hash_from),
        hash_from=file_name(hash_from),
        reason=reason_of(reason),
        collection=collection,
        alone=alone,
    )
    do(here, acts.dispute, given)
    here.output.following(
        f"sigfed publish {name}", "tell the agencies that list it why", "sigfed entry explain"
    )


@performing(acts.resolve)
def resolve(
    context: typer.Context,
    name: Annotated[str, typer.Option("--list", help=_LIST)],
    hash_from: Annotated[str, HASHES] = "",
    index: Annotated[int | None, typer.Option(help="Index of a dispute, instead of a hash.", min=0)] = None,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Take your dispute back: where the rule is met, the hashes reach partners again."""
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    require_one_way(hash_from, index)
    confirm("Where enough countries list them, the hashes reach partners again. Go on?", yes=yes)
    files = () if index is not None else read_hashes(hash_from)
    given = acts.Corrected(list=here.own_list(name), files=files, hash_from=file_name(hash_from), index=index)
    do(here, acts.resolve, given)
    here.output.following(f"sigfed publish {name}", "sigfed subset release NAME")


@performing(acts.amend)
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
        typer.Option(help="NL=illegal where it is known to be; NL=unclear takes that back; repeatable."),
    ] = None,
    hash_profile: Annotated[
        str, typer.Option(help="How perceptual hashes were computed, as pdq/1/full.")
    ] = "",
    yes: Annotated[bool, YES] = False,
) -> None:
    """Change what your entries say, and keep the rest: basis, criteria, review date, legality, hash profile."""
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    require_one_way(hash_from, index)
    change = _amendment(
        basis=basis,
        source=source,
        criteria=criteria,
        review_by=review_by,
        legality=legality or (),
        hash_profile=hash_profile,
    )
    if basis and basis != "relies-on":
        confirm(f"This states, signed, that the entries were examined here (basis {basis}). Go on?", yes=yes)
    files = () if index is not None else read_hashes(hash_from)
    given = acts.Amending(
        list=here.own_list(name), files=files, hash_from=file_name(hash_from), index=index, change=change
    )
    do(here, acts.amend, given)


@performing(acts.reaffirm)
def reaffirm(
    context: typer.Context,
    name: Annotated[str, typer.Option("--list", help=_LIST)],
    basis: Annotated[str, typer.Option(help="own (the agency holds the material) or reviewed.")],
    hash_from: Annotated[str, HASHES] = "",
    block: Annotated[
        list[str] | None,
        typer.Option(help="Only this block, as ORIGIN:INDEX; default: every open one; repeatable."),
    ] = None,
    collection: Annotated[
        str,
        typer.Option(help="Collection of hashes that the own list does not have; default: where others do."),
    ] = "",
    criteria: Annotated[int, CRITERIA] = 1,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Overrule what other agencies block, after your own examination; it takes effect when enough countries do."""
    from node.access.notation import basis_of
    from node.cli.hashes import file_name, read_hashes
    from node.lists.imports.intake import Statement

    here = session(context)
    confirm(
        f"This states, signed, that the file was examined here and the block is wrong (basis {basis}). Go on?",
        yes=yes,
    )
    given = acts.Reaffirmed(
        list=here.own_list(name),
        files=read_hashes(hash_from),
        hash_from=file_name(hash_from),
        statement=Statement(basis=basis_of(basis), criteria=criteria),
        judge=_judged,
        blocks=block or (),
        collection=collection,
    )
    do(here, acts.reaffirm, given)
    here.output.following(f"sigfed publish {name}", "sigfed entry explain")


@performing(acts.withdraw)
def withdraw(
    context: typer.Context,
    name: Annotated[str, OWN_LIST],
    hash_from: Annotated[str, HASHES] = "",
    index: Annotated[int | None, INDEX] = None,
    reason: Annotated[str, REASON] = "error",
    now: Annotated[bool, typer.Option("--now", help="Publish it and release every subset.")] = False,
    yes: Annotated[bool, YES] = False,
) -> None:
    """Withdraw a file's hashes at once: one person is enough; a running node publishes it within a minute."""
    from node.access.notation import reason_of
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    require_one_way(hash_from, index)
    confirm(f"Withdraw from {name} for the reason '{reason}', with all hashes of the same file?", yes=yes)
    given = acts.Withdrawn(
        list=here.own_list(name),
        files=() if index is not None else read_hashes(hash_from),
        hash_from=file_name(hash_from),
        index=index,
        reason=reason_of(reason),
        now=now,
    )
    do(here, acts.withdraw, given)


def _judged(node: "Node", digests: "Collection[Digest]") -> "Current":
    from node.app.judgement import Judge

    return Judge.of(node.identity, node.store).some(digests)


def _amendment(
    *,
    basis: str,
    source: str,
    criteria: int | None,
    review_by: str,
    legality: Sequence[str],
    hash_profile: str,
) -> "Amendment":
    """What was typed, understood; raises `UsageError`, also when nothing was asked for."""
    from node.access.notation import basis_of, day_of
    from node.cli.entries.statements import legality_of
    from node.lists.corrections.amend import Amendment

    illegal_in, unclear_in = legality_of(legality)
    change = Amendment(
        basis=basis_of(basis) if basis else None,
        relies_on=source or None,
        criteria=criteria,
        review_by=None if review_by in {"", _NEVER} else day_of(review_by),
        no_review=review_by == _NEVER,
        illegal_in=illegal_in,
        unclear_in=unclear_in,
        hash_profile=hash_profile or None,
    )
    if change == Amendment():
        raise UsageError("nothing to change was named", hint="see: sigfed entry amend --help")
    return change
