"""What goes on while keys are replaced: the hoster updates and asks, NL syncs. All of it must work at every moment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from node.demo.chapters.ask import check, update, verdict
from node.demo.chapters.federate import sync
from node.demo.parties import Party
from node.demo.processes import Outcome
from node.demo.world import Act, World

ALL: Final = range(256)
"""A command that fails does not end the walk: it is counted."""


def spread(world: World) -> None:
    """The hoster and NL learn what is new."""
    updated, synced = world.perform(update(exits=ALL), tried_sync())
    _count(world, {"an update": not updated.exit, "a sync": not synced.exit})


def ask(world: World) -> None:
    """The hoster asks about a file that is listed, and NL syncs."""
    both = world.actors.both
    answered, synced = world.perform(check(world, both, exits=ALL), tried_sync())
    is_hit = verdict(world, answered, both)["verdict"] == "hit"
    _count(world, {"a look-up": is_hit, "a sync": not synced.exit})


def tried_sync(who: Party = Party.NL) -> Act:
    """A sync that may fail."""
    return replace(sync(who), exits=ALL, note=told, moved=lambda _: None)


def told(outcome: Outcome) -> str:
    """Whether a node answered."""
    return f"refused (exit {outcome.exit})" if outcome.exit else "answered"


def _count(world: World, wanted: Mapping[str, bool]) -> None:
    notes = world.rotation
    for what, fine in wanted.items():
        notes.traffic[what] = notes.traffic.get(what, 0) + 1
        if not fine:
            notes.failed.append(what)
