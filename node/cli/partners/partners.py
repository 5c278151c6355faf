"""`sigfed partner`: who may ask."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keys.message import Message
from node.cli.options import AS_IF_TWO
from node.cli.output import listing
from node.cli.partners.disclosure import disclose
from node.cli.persons.actor import acting_person, request_approval, require_two
from node.cli.session import session
from node.clock import milliseconds

if TYPE_CHECKING:
    from node.store.partners.records import FetchedRelease
    from node.store.subsets.records import ReleaseRecord

_DAY_MS = 86_400_000

app = typer.Typer(help="Partners that may ask privately.", no_args_is_help=True)


@app.command("invite")
def invite(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the partner, without spaces.")],
    subset: Annotated[str, typer.Option(help="Subset it may follow.")],
    files_per_day: Annotated[
        int, typer.Option(help="New files it looks up a day; sizes its quota.", min=1)
    ] = 100_000,
    agency: Annotated[str, typer.Option(help="Member that it is for: only with a subset of holdings.")] = "",
) -> None:
    """Make the one string with which a partner enrols; it is shown once."""
    from node.cli.lists.budget import budget, together
    from node.partners.admission import Admission
    from node.rotation.store import open_shelf
    from node.subsets.catalogue import report_subset

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        shared = report_subset(shelf, subset).subset.filter
        with shelf.storage.read() as unit:
            others = [(each.name, each.filter) for each in unit.subsets.ls()]
        admission = Admission(shelf, identity.trust, clock=identity.clock, entropy=identity.entropy)
        invited = admission.invite(
            name, subset, files_per_day=files_per_day, screen_bits=shared.screen_bits, agency=agency
        )
    here.output.result(
        {
            "partner": name,
            "subset": subset,
            "invitation": invited.text,
            "evaluations_per_day": invited.evaluations_per_day,
            "candidates_per_day": invited.candidates_per_day,
            "odds": shared.odds(),
            "worst_odds": shared.odds(shared.most_values),
            "days": invited.days,
        },
        invited.text,
    )
    here.output.talk(
        f"This string enrols {name} once, within {invited.days} days. Hand it over by a channel you trust:",
        "whoever has it first is the partner. It is not stored in the clear and cannot be shown again.",
        f"Its {invited.evaluations_per_day:,} evaluations a day decide about {invited.candidates_per_day:,} hashes of"
        " its choice: the screen clears the rest.",
        *budget(shared),
        *together(subset, shared, others),
    )
    joins = f"{agency} runs: sigfed holders join" if agency else "the partner runs: sigfed enroll"
    here.output.following(joins)


@app.command("suspend")
def suspend(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a partner, enrolled or invited.")],
) -> None:
    """Refuse a partner from now on, or make its unused invitation void; a token counts for 30 seconds more at most."""
    from node.access.grants import PartnerTerms
    from node.rotation.store import open_shelf

    here = session(context)
    with open_shelf(here.identity()) as shelf:
        void = PartnerTerms(shelf.storage).suspend(name)
    here.output.result(
        {"partner": name, "suspended": True},
        f"the invitation of {name} is void" if void else f"{name} is refused",
    )
    here.output.following(
        f"sigfed partner invite {name}, if it is to have another" if void else f"sigfed partner resume {name}"
    )


@app.command("resume")
def resume(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Name of a suspended partner.")]
) -> None:
    """Let a suspended partner ask again, with the key it has."""
    from node.access.grants import PartnerTerms
    from node.rotation.store import open_shelf

    here = session(context)
    with open_shelf(here.identity()) as shelf:
        PartnerTerms(shelf.storage).resume(name)
    here.output.result({"partner": name, "suspended": False}, f"{name} may ask again")


@app.command("quota")
def quota(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of an enrolled partner.")],
    files_per_day: Annotated[int, typer.Option(help="New files it looks up a day.", min=1)],
    by: Annotated[str, AS_IF_TWO] = "",
) -> None:
    """Change how often a partner may ask: less at once, more when a second person approves it."""
    from node.access.grants import PartnerTerms, quota_payload
    from node.rotation.store import open_shelf

    here = session(context)
    with open_shelf(here.identity()) as shelf:
        terms = PartnerTerms(shelf.storage)
        held, wanted = terms.evaluations(name, files_per_day)
        candidates = terms.candidates(name, wanted)
        if wanted <= held:
            terms.lower(name, wanted)
    if wanted <= held:
        here.output.result(
            {"partner": name, "evaluations_per_day": wanted, "candidates_per_day": candidates},
            f"{name} may ask for {wanted:,} evaluations a day, which decide about {candidates:,} hashes",
        )
        return
    require_two(here)
    request_approval(
        here,
        "partner.quota",
        subject=Message(
            "{name} may ask for {count} evaluations a day (now: {held})", name, f"{wanted:,}", f"{held:,}"
        ),
        payload=quota_payload(name, wanted),
        by=acting_person(here, by),
    )


app.command("disclose")(disclose)


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Partners and open invitations: what is left of their evaluations, which release they fetched last."""
    from node.access.disclosure import DisclosureTerms
    from node.access.quotas import Quotas, candidates_a_day
    from node.identity.store import read_shelf

    here = session(context)
    identity = here.identity()
    now = identity.clock.now()
    with read_shelf(identity) as shelf:
        with shelf.storage.read() as unit:
            partners = list(unit.partners.ls())
            invitations = unit.partners.open_invitations()
            fetched = unit.fetched.of([partner.name for partner in partners])
            subsets = {partner.subset for partner in partners}
            newest = {subset: unit.releases.newest(subset) for subset in subsets}
            screens = {subset: unit.subsets.get(subset).filter.screen_bits for subset in subsets}
        terms = DisclosureTerms(shelf.storage, identity.clock)
        shown = {partner.name: terms.get(partner.name) for partner in partners}
        left = {partner.name: Quotas(shelf.storage).left(partner.name, now=now) for partner in partners}
    rows = []
    for partner in partners:
        if here.output.as_json:
            here.output.result(
                {
                    "partner": partner.name,
                    "subset": partner.subset,
                    "evaluations_per_day": partner.evaluations_per_day,
                    "candidates_per_day": candidates_a_day(
                        partner.evaluations_per_day, screens[partner.subset]
                    ),
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
        age = f"{(milliseconds(now) - partner.key_ms) // _DAY_MS} days"
        release = _release(fetched.get(partner.name), newest[partner.subset])
        rows.append((partner.name, partner.subset, f"{left[partner.name]:,}", state, release, age))
    for invited in invitations:
        if here.output.as_json:
            here.output.result({"partner": invited.partner, "subset": invited.subset, "enrolled": False})
        rows.append((invited.partner, invited.subset, "-", "invited", "-", "-"))
    if not here.output.as_json:
        here.output.result(
            {},
            *listing(
                ("partner", "subset", "evaluations left", "state", "release", "key age"),
                rows,
                none="no partners",
            ),
        )


def _fetched(found: "FetchedRelease | None") -> dict[str, Any] | None:
    if found is None:
        return None
    return {"release": found.version, "made_ms": found.made_ms, "fetched_ms": found.fetched_ms}


def _release(found: "FetchedRelease | None", newest: "ReleaseRecord | None") -> str:
    if found is None or newest is None:
        return "not known"
    return f"{found.version} of {newest.version}"
