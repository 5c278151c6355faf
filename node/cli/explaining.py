"""`sigfed entry show`: what the federation says about a hash."""

from collections.abc import Sequence
from datetime import timedelta

from node.cli.session import Session
from node.formats.asked import Asked
from node.runtime.shelving import open_shelf
from node.services.effective import current
from node.services.explaining import Explanation, explain


def show_each(here: Session, asked: Sequence[Asked]) -> None:
    """Explain every hash that was asked about."""
    identity = here.identity()
    members = identity.trust.members()
    with open_shelf(identity) as shelf:
        now = identity.clock.now()
        max_age = timedelta(hours=identity.settings.guards.max_checkpoint_age_hours)
        judged = current(shelf, members, now=now, max_age=max_age)
    for name, digests in asked:
        for digest in digests:
            _tell(here, f"{name} ({digest.algorithm.name.lower()})", explain(judged, members, digest))
    here.output.following("sigfed endorse --from PEER --basis reviewed", "sigfed entry withdraw --list NAME")


def _tell(here: Session, name: str, found: Explanation) -> None:
    here.output.result(
        {
            "asked": name,
            "listed": [
                {
                    "origin": entry.origin,
                    "index": entry.index,
                    "country": entry.country,
                    "collection": entry.collection,
                    "basis": entry.basis,
                    "time_ms": entry.time_ms,
                }
                for entry in found.listed
            ],
            "effective_in": list(found.effective_in),
            "why_not": list(found.why_not),
        },
        f"{name}: {'effective in ' + ', '.join(found.effective_in) if found.effective_in else 'not effective'}",
        *(
            f"  {entry.origin} entry {entry.index}: {entry.collection}, basis {entry.basis}"
            f" ({entry.country or 'no country'})"
            for entry in found.listed
        ),
        *(f"  {words}" for words in found.why_not),
        *([] if found.listed else ["  no list held here has it"]),
    )
