"""Asking everybody what they see of the logo: both agencies' `entry explain`, and what the hoster's look-up says.

Nothing is remembered from what was done: each view is judged from what the commands answer at that moment.
"""

from collections.abc import Sequence
from pathlib import Path

from node.demo.chapters.ask import check, verdict
from node.demo.parties import AGENCIES, Party
from node.demo.processes import Facts, Outcome
from node.demo.record import Sight, View
from node.demo.world import Act, World


def logo_hashes(world: World) -> Path:
    """The file with the hashes of the logo, as analysts and attackers hand it around."""
    return world.place("exports", "logo.csv")


def look(world: World, after: str) -> tuple[View, list[Outcome]]:
    """What FR, NL and the hoster see after something was done; the agencies' answers, too."""
    *explained, checked = world.perform(
        *(_explanation(world, party) for party in AGENCIES), check(world, world.actors.logo)
    )
    seen = {party: judged(outcome.results) for party, outcome in zip(AGENCIES, explained, strict=True)}
    told = verdict(world, checked, world.actors.logo)["verdict"]
    seen[Party.HOSTER] = {"clean": Sight.CLEAN, "hit": Sight.HIT}.get(told, Sight.UNCLEAR)
    view = View(after=after, seen=seen)
    world.record.views.append(view)
    return view, explained


def _explanation(world: World, who: Party) -> Act:
    return Act(
        who,
        "looks who lists the logo, and what blocks it",
        ["entry", "explain", "--hash-from", str(logo_hashes(world))],
        note=lambda outcome: judged(outcome.results).value,
    )


def judged(results: Sequence[Facts]) -> Sight:
    """What an agency sees of a file: what it sees of each of its hashes, when that is the same."""
    sights = {_judged_one(facts) for facts in results}
    return sights.pop() if len(sights) == 1 else Sight.UNCLEAR


def _judged_one(facts: Facts) -> Sight:
    if facts["effective_in"]:
        return Sight.AGREED
    if facts["shredded"]:
        return Sight.UNCLEAR if facts["listed"] or facts["blocks"] else Sight.GONE
    if facts["withdrawn"]:
        return Sight.WITHDRAWN if facts["blocks"] else Sight.UNCLEAR
    if facts["blocks"]:
        return Sight.BLOCKED
    return Sight.WAITING if facts["listed"] else Sight.ABSENT


def in_words(view: View) -> str:
    """A view in one line."""
    return ", ".join(f"{party.title}: {sight.value}" for party, sight in view.seen.items())
