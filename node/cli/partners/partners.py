"""`sigfed partner`: who may ask."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.acts import partners
from node.cli.acts import add, do, performing
from node.cli.output import listing
from node.cli.session import session
from node.clock import DAY_MS, milliseconds
from node.fields import Fact

if TYPE_CHECKING:
    from node.store.partners.records import FetchedRelease
    from node.store.subsets.records import ReleaseRecord


app = typer.Typer(help="Partners that may ask privately.", no_args_is_help=True)


@app.command("invite", help=partners.invite.help)
@performing(partners.invite)
def invite(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the partner, without spaces.")],
    subset: Annotated[str, typer.Option(help="Subset it may follow.")],
    files_per_day: Annotated[
        int, typer.Option(help="New files it looks up a day; sizes its quota.", min=1)
    ] = 100_000,
    agency: Annotated[str, typer.Option(help="Member that it is for: only with a subset of holdings.")] = "",
) -> None:
    """Invite, and say what releases of the subset tell."""
    from node.subsets.budget import budget

    here = session(context)
    given = partners.Invited(name=name, subset=subset, files_per_day=files_per_day, agency=agency)
    with here.reading() as store, store.read() as unit:
        shared = unit.subsets.get(subset).filter
        others = [(each.name, each.filter) for each in unit.subsets.ls()]
    do(here, partners.invite, given)
    here.output.talk(*budget(shared, others))


add(app, partners.ACTS)


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Partners and open invitations: what is left of their evaluations, which release they fetched last."""
    from node.access.disclosure import DisclosureTerms
    from node.access.quotas import Quotas, candidates_a_day

    here = session(context)
    identity = here.identity()
    now = identity.clock.now()
    with here.reading() as store:
        with store.read() as unit:
            known = list(unit.partners.ls())
            invitations = unit.partners.open_invitations()
            fetched = unit.fetched.of([partner.name for partner in known])
            subsets = {partner.subset for partner in known}
            newest = {subset: unit.releases.newest(subset) for subset in subsets}
            screens = {subset: unit.subsets.get(subset).filter.screen_bits for subset in subsets}
        terms = DisclosureTerms(store, identity.clock)
        shown = {partner.name: terms.get(partner.name) for partner in known}
        left = {partner.name: Quotas(store).left(partner.name, now=now) for partner in known}
    results: list[Mapping[str, Fact]] = []
    rows = []
    for partner in known:
        results.append(
            {
                "partner": partner.name,
                "subset": partner.subset,
                "evaluations_per_day": partner.evaluations_per_day,
                "candidates_per_day": candidates_a_day(partner.evaluations_per_day, screens[partner.subset]),
                "left": left[partner.name],
                "seen_ms": partner.seen_ms,
                "fetched": _fetched(fetched.get(partner.name)),
                "key_ms": partner.key_ms,
                "enrolled": True,
                "disclosed": asdict(shown[partner.name]),
            }
        )
        state = "suspended" if partner.suspended else "enrolled"
        if shown[partner.name].stopped_ms is not None:
            state += ", disclosed look-ups stopped"
        age = f"{(milliseconds(now) - partner.key_ms) // DAY_MS} days"
        release = _release(fetched.get(partner.name), newest[partner.subset])
        rows.append((partner.name, partner.subset, f"{left[partner.name]:,}", state, release, age))
    for invited in invitations:
        results.append({"partner": invited.partner, "subset": invited.subset, "enrolled": False})
        rows.append((invited.partner, invited.subset, "-", "invited", "-", "-"))
    header = ("partner", "subset", "evaluations left", "state", "release", "key age")
    here.output.each(results, listing(header, rows, none="no partners"))


def _fetched(found: "FetchedRelease | None") -> dict[str, Any] | None:
    if found is None:
        return None
    return {"release": found.version, "made_ms": found.made_ms, "fetched_ms": found.fetched_ms}


def _release(found: "FetchedRelease | None", newest: "ReleaseRecord | None") -> str:
    if found is None or newest is None:
        return "not known"
    return f"{found.version} of {newest.version}"
