"""`sigfed hit`: one noun in two homes. A partner reports what it found; an agency sees what was reported."""

from pathlib import Path
from typing import Annotated

import typer

from node.acts import hits
from node.cli.acts import do, performing
from node.cli.hoster.each_subset import each_subset
from node.cli.options import ALL_WAITING, CONTACT, ID, YES
from node.cli.session import Session, session
from node.errors import UsageError
from node.hoster.hits.resolutions import Action

app = typer.Typer(help="Files that were found on the list.", no_args_is_help=True)

_Id = Annotated[str, ID]


@app.command("ls")
@each_subset
def ls(
    context: typer.Context,
    unresolved: Annotated[
        bool, typer.Option("--open", help="Unresolved ones; at an agency those that are not closed.")
    ] = False,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Of these, those that nobody resolved within a day.")
    ] = False,
    partner: Annotated[str, typer.Option(help="At an agency: those that this partner reported.")] = "",
    name: Annotated[str, typer.Option("--list", help="At an agency: those that rest on this list.")] = "",
) -> None:
    """Hits: those found here, or, at an agency, those that partners reported."""
    here = session(context)
    if here.is_agency:
        from node.cli.partners.hits import list_reports

        list_reports(here, opened=unresolved, overdue=overdue, partner=partner, name=name)
        return
    if partner or name:
        raise UsageError("--partner and --list are an agency's", hint="sigfed hit ls --open")
    from node.cli.hoster.hits import list_hits

    list_hits(here, unresolved=unresolved, overdue=overdue)


@app.command("show")
def show(
    context: typer.Context,
    text: _Id,
    hashes: Annotated[bool, typer.Option("--hashes", help="At an agency: print the hash as well.")] = False,
) -> int:
    """One hit with all that is known of it; asks the agency while a dispute awaits its answer."""
    here = session(context)
    if here.is_agency:
        from node.cli.partners.hits import show_report

        show_report(here, text, hashes=hashes)
        return 0
    from node.cli.hoster.hits import show_hit

    return show_hit(here, text)


@app.command("report")
@each_subset
def report(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Hits to report.")] = None,
    every: Annotated[bool, ALL_WAITING] = False,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Tell this reporter of partner.toml as well; repeatable."),
    ] = None,
    yes: Annotated[bool, YES] = False,
) -> int:
    """Report hits to the agency, against signed receipts; what cannot be sent now stays and is sent the next time.

    With --to, hits that the agency confirmed are told to others as well. What leaves the company with each of them is
    said before the first time, and asked about.
    """
    from node.cli.hoster.hits import report_hits
    from node.cli.hoster.notify import agree_first, tell_hits

    here = session(context)
    agree_first(here, to or [], yes=yes)
    code = report_hits(here, ids or [], every=every)
    return tell_hits(here, ids or [], to or []) or code


@app.command("evidence")
def evidence(
    context: typer.Context,
    text: _Id,
    out: Annotated[Path, typer.Option("-o", "--output", help="File to write.", dir_okay=False)],
) -> None:
    """Fetch the proof that enough countries list the file of a reported hit; anybody can verify it offline."""
    from node.cli.hoster.hits import write_evidence

    write_evidence(session(context), text, out)


@app.command("dispute")
def dispute(
    context: typer.Context,
    text: _Id,
    reason: Annotated[str, typer.Option(help="Why the hit is wrong, in one line.")],
    contact: Annotated[str, CONTACT] = "",
) -> None:
    """Tell the agency that a reported hit is wrong; it must answer by a stated day."""
    from node.cli.hoster.hits import dispute_hit

    dispute_hit(session(context), text, reason=reason, contact=contact)


@app.command("resolve")
def resolve(
    context: typer.Context,
    text: _Id,
    action: Annotated[Action, typer.Option(help="What became of the file.")],
) -> None:
    """Record what you did with the file, and tell the agency that has the report; this command does nothing to it."""
    from node.cli.hoster.hits import resolve_hit

    resolve_hit(session(context), text, action)


@app.command("close")
@performing(hits.close)
def close(context: typer.Context, text: _Id) -> None:
    """At an agency: mark a report as dealt with."""
    here = session(context)
    do(here, hits.close, hits.Named(hit=text))


@app.command("hold")
@performing(hits.hold)
def hold(context: typer.Context, text: _Id) -> None:
    """Keep a hit from being purged, for as long as an authority or a court may ask for it."""
    _hold(session(context), text, held=True)


@app.command("unhold")
@performing(hits.unhold)
def unhold(context: typer.Context, text: _Id) -> None:
    """Let a hit that was held be purged in its time."""
    _hold(session(context), text, held=False)


def _hold(here: Session, text: str, *, held: bool) -> None:
    if here.is_agency:
        do(here, hits.hold if held else hits.unhold, hits.Named(hit=text))
        return
    from node.cli.hoster.hits import hold_hit

    hold_hit(here, text, held=held)


@app.command("purge")
def purge(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many it would delete, and keep them.")
    ] = False,
) -> None:
    """Delete finished hits that are older than configured; the node, or sigfed update, does so by itself."""
    here = session(context)
    if here.is_agency:
        from node.cli.partners.hits import purge_reports

        purge_reports(here, dry_run=dry_run)
        return
    from node.cli.hoster.hits import purge_hits

    purge_hits(here, dry_run=dry_run)


@app.command("precision")
def precision(
    context: typer.Context, name: Annotated[str, typer.Option("--list", help="Of this list alone.")] = ""
) -> None:
    """At an agency: of the hits that were judged, how many each list was right about."""
    from node.cli.partners.hits import show_precision

    show_precision(session(context), name)
