"""Taking back, and how far that is: `entry shred`, `entry readmit`, `shredding ls`, `withdrawal ls`."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.acts import entries
from node.cli.acts import do, performing, require_two
from node.cli.options import AS, HASHES, INDEX, OWN_LIST, REASON, YES, require_one_way
from node.cli.output import listing, moment
from node.cli.prompts import confirm
from node.cli.session import session
from node.fields import Fact
from node.pages.text import counted

if TYPE_CHECKING:
    from node.formats.hash_queries import HashQuery
    from node.judgement.recall import PeerState, WithdrawalReport
    from node.judgement.shred_status import ShreddingReport
    from node.lists.corrections.shred import ShredPlan
    from node.store.store import Store

withdrawals = typer.Typer(help="Withdrawals from your lists, and who has applied them.", no_args_is_help=True)
shreddings = typer.Typer(help="What was shredded, and who still lists it.", no_args_is_help=True)


@performing(entries.shred)
def shred(
    context: typer.Context,
    name: Annotated[str, OWN_LIST],
    hash_from: Annotated[str, HASHES] = "",
    index: Annotated[int | None, INDEX] = None,
    reason: Annotated[str, REASON] = "error",
    by: Annotated[str, AS] = "",
    yes: Annotated[bool, YES] = False,
) -> None:
    """Ask a second person to delete a file's hashes for ever, here and at every peer."""
    from node.access.notation import reason_of
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    require_one_way(hash_from, index)
    origin, why = here.own_list(name), reason_of(reason)
    require_two(here)
    asked = [] if index is not None else read_hashes(hash_from)
    with here.writing() as store:
        files = _plans(store, origin, asked, index)
    confirm(f"Ask to delete {counted(len(files), 'file')} of {origin} at every node, for ever?", yes=yes)
    for plans in files:
        given = entries.Shredded(
            list=origin, index=index, hash_from=file_name(hash_from), reason=why, plans=plans
        )
        do(here, entries.shred, given, by=by)


def _plans(
    store: "Store", origin: str, asked: "list[HashQuery]", index: int | None
) -> "list[list[ShredPlan]]":
    """What to delete of each file; raises `NotFoundError` for one that the list never had."""
    from node.errors import NotFoundError, NothingToDoError
    from node.lists.corrections.shred import prepare, prepare_at

    if index is not None:
        return [[prepare_at(store, origin, index)]]
    files, missing = [], []
    for called, digests in asked:
        plans = {}
        for digest in digests:
            try:
                plan = prepare(store, origin, digest)
            except NothingToDoError:
                continue
            plans[plan.position] = plan
        files.append(list(plans.values()))
        missing += [] if plans else [called]
    if missing:
        raise NotFoundError(
            "never listed in {origin}, or shredded before: {missing}", origin, ", ".join(missing)
        )
    return files


@performing(entries.readmit)
def readmit(
    context: typer.Context, hash_from: Annotated[str, HASHES] = "", by: Annotated[str, AS] = ""
) -> None:
    """Ask a second person to let hashes that were shredded be listed here again."""
    from node.cli.hashes import file_name, read_hashes

    here = session(context)
    require_two(here)
    hashes = [digest for _, digests in read_hashes(hash_from) for digest in digests]
    do(here, entries.readmit, entries.Readmitted(hashes=hashes, hash_from=file_name(hash_from)), by=by)


@shreddings.command("ls")
def ls_shreddings(
    context: typer.Context,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is not complete.")] = False,
) -> None:
    """What was shredded, here or by a peer, by list and index, and who still lists or disputes the same hash."""
    from node.judgement.shred_status import report_shreddings

    here = session(context)
    with here.reading() as store:
        found = [each for each in report_shreddings(store) if not (only_open and each.complete)]
    rows = ((each.origin, f"{each.index:,}", _erased(each), _left(each)) for each in found)
    here.output.each(
        map(_shredding_fields, found), listing(_SHREDDING_HEADER, rows, none=_none("shreddings", only_open))
    )
    if any(each.own_standing for each in found):
        here.output.following("sigfed entry shred --list NAME --index INDEX", "sigfed entry reaffirm")


def _shredding_fields(each: "ShreddingReport") -> dict[str, Fact]:
    return {
        "origin": each.origin,
        "index": each.index,
        "by": each.by,
        "own": each.own,
        "erased_ms": each.erased_ms,
        "complete": each.complete,
        "standing": [{"origin": place.origin, "index": place.index} for place in each.standing],
        "own_standing": [{"origin": place.origin, "index": place.index} for place in each.own_standing],
    }


def _erased(each: "ShreddingReport") -> str:
    return "not yet" if each.erased_ms is None else moment(each.erased_ms)


def _left(each: "ShreddingReport") -> str:
    own = [f"entry {place.index} of {place.origin}: shred or reaffirm it" for place in each.own_standing]
    others = [f"{place.origin} still lists it" for place in each.standing]
    return "; ".join(own + others) or ("nothing" if each.complete else "deletion")


@withdrawals.command("ls")
def ls_withdrawals(
    context: typer.Context,
    only_open: Annotated[
        bool, typer.Option("--open", help="Only what somebody has not applied yet.")
    ] = False,
) -> None:
    """Withdrawals from your lists: when each was published, and since when each peer and its releases follow it."""
    from node.judgement.recall import report_withdrawals

    here = session(context)
    with here.reading() as store:
        found = [each for each in report_withdrawals(store) if each.open or not only_open]
    rows = (row for each in found for row in _rows(each))
    here.output.each(
        map(_withdrawal_fields, found),
        listing(_WITHDRAWAL_HEADER, rows, none=_none("withdrawals", only_open)),
    )
    if any(each.published_ms is None for each in found):
        here.output.following("sigfed publish", "sigfed subset release NAME")


_SHREDDING_HEADER = ("list", "index", "deleted here", "left to do")
_WITHDRAWAL_HEADER = ("list", "events", "published", "peer", "holds it", "releases without it")


def _none(what: str, only_open: bool) -> str:
    return f"no {what} are open" if only_open else f"no {what}"


def _withdrawal_fields(each: "WithdrawalReport") -> dict[str, Fact]:
    return {
        "origin": each.origin,
        "first": each.first,
        "last": each.last,
        "published_ms": each.published_ms,
        "open": each.open,
        "peers": [
            {"peer": peer.peer, "held_ms": peer.held_ms, "released_ms": peer.released_ms}
            for peer in each.peers
        ],
    }


def _rows(each: "WithdrawalReport") -> list[tuple[str, ...]]:
    published = "not yet" if each.published_ms is None else moment(each.published_ms)
    events = f"{each.first:,}" if each.first == each.last else f"{each.first:,} to {each.last:,}"
    head = (each.origin, events, published)
    return [(*head, *_peer_cells(peer)) for peer in each.peers] or [(*head, "no peers", "", "")]


def _peer_cells(peer: "PeerState") -> tuple[str, str, str]:
    times = (peer.held_ms, peer.released_ms)
    held, released = ("not yet" if time is None else f"since {moment(time)}" for time in times)
    return peer.peer, held, released
