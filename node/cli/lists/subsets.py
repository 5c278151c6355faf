"""`sigfed subset`: what partners get, as releases of digests that reached the quorum."""

from typing import Annotated

import typer

from node.cli.output import listing
from node.cli.session import session
from node.fields import Fact

app = typer.Typer(help="Subsets for partners, and their releases.", no_args_is_help=True)


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    collections: Annotated[
        list[str] | None,
        typer.Option("--collection", help="Collection to release; repeatable. Default: baseline."),
    ] = None,
    screen_bits: Annotated[
        int,
        typer.Option(
            help="Leak budget of the screen: 8 is weak, 16 is for accredited partners; 0: no screen.",
            min=0,
            max=16,
        ),
    ] = 12,
    labels: Annotated[bool, typer.Option("--labels/--no-labels", help="Let a hit say who lists it.")] = True,
    pdq: Annotated[
        bool,
        typer.Option("--pdq", help="PDQ values of pictures, instead of exact hashes; a budget of its own."),
    ] = False,
    holdings: Annotated[
        bool, typer.Option("--holdings", help="For other agencies: what this agency lists, effective or not.")
    ] = False,
) -> None:
    """Define a subset: its filter, its key and its release log (asks for a targets key)."""
    from node.access.notation import collection_of
    from node.app.subsets import create_subset
    from node.subsets.budget import budget
    from protocol.digest import Algorithm
    from protocol.subset.filter import EXACT, SubsetFilter

    here = session(context)
    identity = here.identity()
    wanted = SubsetFilter(
        collections=frozenset(collection_of(item) for item in collections or ["baseline"]),
        algorithms=frozenset({Algorithm.PDQ}) if pdq else EXACT,
        screen_bits=screen_bits,
        labels=labels,
        holdings=holdings,
    )
    with here.writing() as store:
        made = create_subset(identity, store, name, wanted)
    here.output.result(
        {
            "subset": made.name,
            "origin": made.origin,
            "epoch": made.epoch,
            "odds": wanted.odds(),
            "worst_odds": wanted.odds(wanted.most_values),
        },
        f"created subset {made.origin}",
    )
    here.output.talk(*budget(wanted))
    here.output.following(
        f"sigfed subset release {name}",
        f"sigfed partner invite NAME --subset {name}" + (" --agency NODE" if holdings else ""),
    )


@app.command("release")
def release(context: typer.Context, name: Annotated[str, typer.Argument(help="Name of the subset.")]) -> int:
    """Release what is effective now: digests that enough countries list on their own knowledge."""
    from node.app.subsets import release_here
    from node.cli.federation.witnesses import have_cosigned
    from node.errors import TripwireError
    from node.subsets.catalogue import report_subset

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        holdings = report_subset(store, name).subset.filter.holdings
        try:
            report = release_here(identity, store, name)
        except TripwireError:
            if failure := have_cosigned(identity, store).failure:  # what it took out
                here.output.talk(f"not cosigned: {failure}")
            raise
        asked, origin = have_cosigned(identity, store), f"{identity.settings.node}/subsets/{name}"
    here.output.result(
        {
            "subset": report.subset,
            "version": report.version,
            "entries": report.entries,
            "added": report.added,
            "removed": report.removed,
            "kind": report.kind.name.lower(),
            "unchanged": not report.published,
            "not_after": report.not_after.isoformat(),
            "screen_rule": report.told.rule,
            "odds": report.told.odds,
            "worst_odds": report.told.worst_odds,
            "screened_beside": report.told.doubled,
            "screened_apart": report.told.apart,
            "contradicted": len(report.told.contradicted),
            **asked.facts(origin),
        },
        report.said,
    )
    here.output.talk(*report.told.said)
    asked.tell(here, origin)
    here.output.following(
        "members ask with: sigfed entry holders" if holdings else "partners fetch it with: sigfed update"
    )
    return asked.end()


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Subsets with their newest release."""
    from node.subsets.catalogue import report_subsets
    from protocol.lists.event import collection_name

    here = session(context)
    with here.reading() as store:
        reports = list(report_subsets(store))
    results: list[dict[str, Fact]] = []
    rows = []
    for report in reports:
        subset, newest = report.subset, report.newest
        names = ", ".join(collection_name(number) for number in sorted(subset.filter.collections))
        version, entries = newest.version if newest else 0, report.entries
        results.append(
            {
                "subset": subset.name,
                "origin": subset.origin,
                "epoch": subset.epoch,
                "collections": names,
                "screen_bits": subset.filter.screen_bits,
                "screen_rule": subset.filter.screen_rule,
                "odds": subset.filter.odds(),
                "leaving": report.leaving,
                "version": version,
                "entries": entries,
            }
        )
        audience = "agencies" if subset.filter.holdings else "partners"
        rows.append((subset.name, audience, names, str(version), f"{entries:,}", str(subset.epoch)))
    header = ("subset", "for", "collections", "release", "entries", "epoch")
    here.output.each(results, listing(header, rows, none="no subsets"))
    for report in reports:
        if report.leaving:
            here.output.talk(
                f"{report.subset.name}: {report.leaving:,} PDQ values leave with its next release, which is of exact"
                " hashes alone. For partners who need them: sigfed subset create NAME --pdq"
            )
    if not reports:
        here.output.following("sigfed subset create NAME")
