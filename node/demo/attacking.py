"""Chapter six: the list grows; somebody at FR's server alters each part of the release in turn; all are refused."""

import shutil

from node.clock import system_entropy
from node.demo.altering import PARTS, altered, served
from node.demo.asking import check, told, update, verdict
from node.demo.exports import Export
from node.demo.federating import release, sync
from node.demo.parties import AGENCIES, Party
from node.demo.preparing import own_import, publication
from node.demo.synthetic import make
from node.demo.world import World

_LATE = 12
_REFUSED = 14
SPARE = "hoster-second-site"


def attack(world: World) -> None:
    """A second release; altered updates refused; the honest one accepted."""
    world.serve(*AGENCIES)
    _grow(world)
    _update_second_site(world)
    for part in PARTS:
        _alter(world, part)
    world.moment("refused")
    (answered,) = world.perform(check(world, world.actors.both, exits=range(256)))
    (updated,) = world.perform(update(exits=range(256)))
    seen = verdict(world, answered, world.actors.both)
    old, new = updated.first.get("old"), updated.first.get("new")
    world.record.find(
        "old-release-stays",
        held=seen["verdict"] == "hit" and (old, new) == (1, 2),
        detail=f"the file that both list: {told(seen)}; the honest update went from version {old} to {new}",
    )


def _grow(world: World) -> None:
    late = tuple(make(system_entropy, _LATE))
    world.listed += late
    for party in AGENCIES:
        Export(agency=party.country, baseline=late).write(world.place("exports", f"{party.value}-late.csv"))
    world.perform(*(own_import(world, party, f"{party.value}-late.csv") for party in AGENCIES))
    world.perform(*(publication(party) for party in AGENCIES))
    world.perform(sync(Party.FR))
    world.perform(release())


def _update_second_site(world: World) -> None:
    """Another machine of the hoster asks first, so that the node has made and stored what it serves."""
    began = world.clock.now()
    shutil.copytree(world.seat(Party.HOSTER).home, world.place(SPARE))
    act = update()
    outcome = world.run_at(SPARE, act)
    world.own_act(Party.HOSTER, "updates a second machine", began=began, note=act.note(outcome))


def _alter(world: World, part: str) -> None:
    claim, stored = f"altered-{part}-refused", served(world, part)
    if stored is None:
        world.record.find(claim, held=False, detail=f"the node serves no {part}")
        return
    with altered(stored):
        world.own_trouble(f"serves an altered {part}: somebody at its server flipped one bit")
        world.moment(f"altered-{part}")
        (outcome,) = world.perform(update(exits=range(256), trouble=True))
    words = world.last_words(Party.HOSTER) if outcome.exit else "the update was accepted"
    world.record.find(claim, held=outcome.exit == _REFUSED, detail=f"exit {outcome.exit}: {words}")
