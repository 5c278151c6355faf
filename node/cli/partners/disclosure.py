"""`sigfed partner disclose`: how many PDQ values a partner may show a day, to learn which are near an entry."""

from typing import Annotated

import typer

from node.cli.options import AS_IF_TWO
from node.cli.persons.actor import acting_person, request_approval, require_two
from node.cli.session import Session, session


def disclose(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of an enrolled partner.")],
    values_per_day: Annotated[int, typer.Option(help="PDQ values it may show a day; 0: none.", min=0)],
    by: Annotated[str, AS_IF_TWO] = "",
) -> None:
    """Let a partner show PDQ values and learn what is near: fewer at once, more when a second person approves."""
    from node.access.disclosure import DisclosureTerms, asked_words, disclosure_payload
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        terms = DisclosureTerms(shelf.storage, identity.clock)
        held = terms.get(name)
        more = terms.widens(name, values_per_day)
        if not more:
            terms.lower(name, values_per_day)
    if not more:
        _tell(here, name, values_per_day)
        return
    require_two(here)
    request_approval(
        here,
        "partner.disclose",
        subject=asked_words(name, values_per_day, held),
        payload=disclosure_payload(name, values_per_day),
        by=acting_person(here, by),
    )
    if not identity.settings.disclosed_lookup.enabled:
        here.output.following("this node answers none before sigfed.toml says so: [disclosed_lookup] enabled")


def _tell(here: Session, name: str, values: int) -> None:
    words = f"may show {values:,} PDQ values a day" if values else "may show no PDQ values"
    here.output.result({"partner": name, "values_per_day": values}, f"{name} {words}")
