"""`sigfed list` and `sigfed publish`: the lists of this agency."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import YES
from node.cli.output import listing
from node.cli.prompts import confirm
from node.cli.session import session
from node.pages.text import counted

if TYPE_CHECKING:  # listing starts without it
    from node.lists.publish import Published

app = typer.Typer(help="Lists of this agency, and of its peers.", no_args_is_help=True)


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    continues: Annotated[
        str, typer.Option(help="Your list that can never be signed again, which this one continues.")
    ] = "",
    yes: Annotated[bool, YES] = False,
) -> None:
    """Start a list: its key, its log, and its place in the node document (asks for a targets key)."""
    from node.identity.logs import continue_list, create_list

    here = session(context)
    identity = here.identity()
    old = here.own_list(continues) if continues else ""
    if old:
        here.output.talk(
            f"{old} ends for good, and cannot be taken up again; this cannot be undone.",
            "  everywhere its entries stop counting, with the next sync after this list was published",
            "  its disputes and withdrawals as an error stay, until entries of the new list name them",
        )
        confirm(f"Does {name} go on in its place?", yes=yes)
    with here.writing() as store:
        log = continue_list(identity, store, name, old=old) if old else create_list(identity, store, name)
    here.output.result(
        {"origin": log.origin, "continues": old or None},
        f"created {log.origin}" + (f", which continues {old}" if old else ""),
    )
    here.output.following(
        f"sigfed entry import FILE --list {name}",
        *(("again, everything that the list had said; then: sigfed publish",) if old else ()),
    )


@app.command("show")
def show(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Name, or origin of a peer's.")]
) -> None:
    """Size, age and entries of a list."""
    from node.lists.catalogue import report_list
    from protocol.lists.event import collection_name

    here = session(context)
    origin = here.own_list(name)
    with here.reading() as store:
        report = report_list(store, origin)
    active = {collection_name(number): count for number, count in sorted(report.active.items())}
    here.output.result(
        {
            "origin": origin,
            "size": report.log.head.size,
            "waiting": report.waiting,
            "active": active,
            "updated_ms": report.log.checked_ms,
        },
        origin,
        f"  published events: {report.log.head.size:,}",
        f"  waiting:          {report.waiting:,}",
        *(f"  active {collection}: {count:,}" for collection, count in active.items()),
    )
    if report.waiting:
        here.output.following("sigfed publish")


@app.command("ls")
def ls(context: typer.Context) -> None:
    """All lists, own and followed."""
    from node.lists.catalogue import report_lists

    here = session(context)
    with here.reading() as store:
        reports = report_lists(store)
    rows = (
        (
            report.log.origin,
            "own" if report.log.kind == "own_list" else "followed",
            f"{report.log.head.size:,}",
            f"{sum(report.active.values()):,}",
            f"{report.waiting:,}",
        )
        for report in reports
    )
    here.output.each(
        (
            {
                "origin": report.log.origin,
                "kind": report.log.kind,
                "size": report.log.head.size,
                "waiting": report.waiting,
                "active": sum(report.active.values()),
            }
            for report in reports
        ),
        listing(("list", "kind", "events", "active", "waiting"), rows, none="no lists"),
    )
    if not reports:
        here.output.following("sigfed list create NAME")


def publish(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Only this list; default: every own list.")] = "",
    beyond_limits: Annotated[
        bool, typer.Option("--beyond-limits", help="Publish more than the node document announces for a day.")
    ] = False,
) -> int:
    """Sign and publish what is waiting."""
    from node.cli.exit_codes import exit_code
    from node.cli.federation.witnesses import Asked, have_cosigned
    from node.identity.logs import publish_own
    from node.lists.pace import NO_LIMITS

    here = session(context)
    identity = here.identity()
    limits = NO_LIMITS if beyond_limits else None
    with here.writing() as store:
        only = here.own_list(name) if name else ""
        published = publish_own(identity, store, limits, only=only)
        asked = have_cosigned(identity, store) if published.done else Asked({})
    for origin, done in published.done.items():
        here.output.result(
            {
                "origin": origin,
                "size": done.size,
                "adds": done.adds,
                "withdrawals": done.withdrawals,
                "others": done.others,
                **asked.facts(origin),
            },
            f"{origin}: size {done.size:,}, {done.adds:,} added, {done.withdrawals:,} withdrawn{_others(done)}"
            if done.changed
            else f"{origin}: nothing was waiting",
        )
        asked.tell(here, origin)
    if published.failed:
        worst = max(published.failed.values(), key=exit_code)
        for origin, failure in published.failed.items():
            why = "" if str(failure) == str(worst) else f": {failure}"
            here.output.talk(f"{origin}: not published{why}")
        raise worst
    here.output.following("sigfed peer sync", "sigfed subset release NAME")
    return asked.end()


def _others(done: "Published") -> str:
    return f", {counted(done.others, 'other change')}" if done.others else ""
