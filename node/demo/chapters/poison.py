"""Chapter eight, first half: a harmless logo gets onto a list; what stops it, and who takes it back.

The logo stands for any file that everybody has. Somebody at FR, bribed or careless, says that it is known material.
"""

from dataclasses import replace

from node.demo.chapters.ask import update
from node.demo.chapters.federate import release, sync
from node.demo.chapters.look import in_words, logo_hashes, look
from node.demo.chapters.prepare import own_import, publication
from node.demo.parties import AGENCIES, Party
from node.demo.processes import Outcome
from node.demo.record import Sight
from node.demo.world import LIST, Act, World


def plant(world: World) -> None:
    """One person at FR lists the logo; NL follows FR."""
    world.serve(*AGENCIES)
    arguments = ["hash", str(world.file(world.actors.logo)), "-o", str(logo_hashes(world))]
    world.perform(Act(Party.FR, "has somebody who hashes a logo that everybody has", arguments))
    act = own_import(world, Party.FR, logo_hashes(world).name)
    what = "lists it, stating that it holds such material: one person is enough to lie"
    act = replace(act, what=what, arguments=[*act.arguments, "--collection", "baseline"], trouble=True)
    world.perform(replace(act, moved=lambda _: None))
    world.perform(publication(Party.FR))
    world.perform(sync(Party.NL))
    look(world, "One person at FR lists a logo")


def rely(world: World) -> None:
    """NL takes over FR's word; FR releases, the hoster updates."""
    world.serve(*AGENCIES)
    arguments = ["endorse", "--list", LIST, "--from", Party.FR.node, "--hash-from", str(logo_hashes(world))]
    act = Act(
        Party.NL,
        "takes it over, relying on FR",
        [*arguments, "--basis", "relies-on", "--yes"],
        note=lambda outcome: f"{outcome.first['entries']} entries, recorded, never counted",
    )
    world.perform(act)
    reach_partners(world)
    view, _ = look(world, "NL relies on FR's word")
    world.record.find(
        "lone-poison-clean",
        held=view.seen == {Party.FR: Sight.WAITING, Party.NL: Sight.WAITING, Party.HOSTER: Sight.CLEAN},
        detail=in_words(view),
    )


def reach_partners(world: World) -> tuple[Outcome, str]:
    """NL publishes, FR syncs and releases, the hoster updates; how the release went, and what FR said of it."""
    world.perform(publication(Party.NL))
    world.perform(sync(Party.FR))
    act = release()
    (released,) = world.perform(replace(act, exits=range(256), note=lambda outcome: _released(act, outcome)))
    words = world.last_complaint(Party.FR) if released.exit else "the release was made"
    world.perform(update())
    return released, words


def _released(act: Act, outcome: Outcome) -> str:
    return f"refused (exit {outcome.exit})" if outcome.exit else act.note(outcome)


def trip(world: World) -> None:
    """NL is careless; FR's tripwire stops the release."""
    world.serve(*AGENCIES)
    hashes = str(logo_hashes(world))
    trap = ["guard", "tripwire", "add", "--hash-from", hashes, "--note", "logos that everybody has"]
    word = ["entry", "amend", "--list", LIST, "--hash-from", hashes, "--basis", "reviewed", "--yes"]
    world.perform(
        Act(
            Party.FR,
            "has an operator who never wants such logos released",
            trap,
            note=lambda outcome: f"{outcome.first['added']} tripwires",
        ),
        Act(Party.NL, "states, without looking, that it examined the file", word, trouble=True),
    )
    released, words = reach_partners(world)
    view, explained = look(world, "NL says that it examined it; FR's tripwire stops the release")
    world.record.find(
        "tripwire-stops-release",
        held=bool(released.exit)
        and all(name in words for name in _names(explained[0]))
        and view.seen == {Party.FR: Sight.AGREED, Party.NL: Sight.AGREED, Party.HOSTER: Sight.CLEAN},
        detail=f"exit {released.exit}: {words}",
    )


def _names(explained: Outcome) -> list[str]:
    """How the entries that list the logo are called."""
    return [
        f"entry {each['index']} of {each['origin']}"
        for facts in explained.results
        for each in facts["listed"]
    ]
