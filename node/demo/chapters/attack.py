"""Chapter six: the list grows; somebody at FR's server alters each part of the release in turn; all are refused.

Then an older copy of FR's folder comes back.
"""

import shutil
from dataclasses import replace

from node.clock import system_entropy
from node.demo.alteration import altered, served
from node.demo.chapters.ask import check, told, update, verdict
from node.demo.chapters.federate import release, sync
from node.demo.chapters.prepare import own_import, publication
from node.demo.exports import Export
from node.demo.parties import AGENCIES, Party
from node.demo.synthetic import make
from node.demo.world import Act, World

_LATE = 12
_REFUSED = 14
_PUT_BACK = 2
SPARE = "hoster-second-site"
YESTERDAY = "fr-of-yesterday"


def grow(world: World) -> None:
    """Both list more files; FR makes a second release."""
    world.serve(*AGENCIES)
    keep_yesterday(world)
    late = tuple(make(system_entropy, _LATE))
    world.listed += late
    for party in AGENCIES:
        Export(agency=party.country, baseline=late).write(world.place("exports", f"{party.value}-late.csv"))
    world.perform(*(own_import(world, party, f"{party.value}-late.csv") for party in AGENCIES))
    world.perform(*(publication(party) for party in AGENCIES))
    world.perform(sync(Party.FR))
    world.perform(release())
    _update_second_site(world)


def _update_second_site(world: World) -> None:
    """Another machine of the hoster asks first, so that the node has made and stored what it serves."""
    shutil.copytree(world.seat(Party.HOSTER).home, world.place(SPARE))
    world.perform_at(SPARE, replace(update(), what="updates its second machine"))


def alter(part: str, world: World) -> None:
    """An intruder alters a stored part of the release; the hoster updates."""
    world.serve(Party.FR)
    claim, stored = f"altered-{part}-refused", served(world, part)
    if stored is None:
        world.record.find(claim, held=False, detail=f"the node serves no {part}")
        return
    with altered(stored):
        world.own_trouble(
            f"serves the release with its {part} altered: somebody at its server flipped one bit"
        )
        world.moment(f"altered-{part}")
        (outcome,) = world.perform(update(exits=range(256), trouble=True))
    words = world.last_words(Party.HOSTER) if outcome.exit else "the update was accepted"
    world.record.find(claim, held=outcome.exit == _REFUSED, detail=f"exit {outcome.exit}: {words}")


def carry_on(world: World) -> None:
    """The hoster goes on with the release it had, then gets the honest one."""
    world.serve(Party.FR)
    (answered,) = world.perform(check(world, world.actors.both, exits=range(256)))
    (updated,) = world.perform(update(exits=range(256)))
    seen = verdict(world, answered, world.actors.both)
    old, new = updated.first.get("old"), updated.first.get("new")
    world.record.find(
        "old-release-stays",
        held=seen["verdict"] == "hit" and (old, new) == (1, 2),
        detail=f"the file that both list: {told(seen)}; the honest update went from version {old} to {new}",
    )


def keep_yesterday(world: World) -> None:
    """A copy of FR's folder as it is now."""
    shutil.copytree(
        world.seat(Party.FR).home, world.place(YESTERDAY), ignore=shutil.ignore_patterns("*.lock")
    )


def go_back(world: World) -> None:
    """FR's folder of before is put in its place, and publishes; NL has cosigned what came since."""
    world.serve(Party.NL)
    world.own_trouble("puts FR's folder back to the day before: an old backup, copied over")
    world.moment("go-back")
    act = Act(
        Party.FR,
        "(the old folder) publishes",
        ["publish"],
        exits=range(256),
        note=lambda outcome: f"refused (exit {outcome.exit})" if outcome.exit else "published",
        trouble=True,
    )
    outcome = world.perform_at(YESTERDAY, act)
    words = world.last_complaint(Party.FR) if outcome.exit else "it published"
    world.record.find(
        "put-back-signs-nothing", held=outcome.exit == _PUT_BACK, detail=f"exit {outcome.exit}: {words}"
    )
